package upstream

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestExpect(t *testing.T) {
	large := strings.Repeat("x", 100<<10)
	request := func(body string) (*Request, *waitingBody, *bool) {
		touched := false
		b := &waitingBody{strings.NewReader(body), func() { touched = true }}
		r := post("")
		r.Header = http.Header{"Expect": {"100-Continue"}}
		r.Body, r.ContentLength = b, int64(len(body))
		return r, b, &touched
	}
	t.Run("continue", func(t *testing.T) {
		for _, body := range []string{"small", large} {
			p := target(t, Options{}, func(p *peer) {
				r, err := http.ReadRequest(p.br)
				if err != nil || r.Header.Get("Expect") == "" {
					t.Errorf("request %v, %v", r, err)
					return
				}
				p.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
				got, _ := io.ReadAll(r.Body)
				if string(got) != body {
					t.Errorf("the target got %d bytes", len(got))
				}
				p.send(answerOK)
				p.untilClosed()
			})
			r, _, _ := request(body)
			must(t, p, r)
			if p.Stats().Idle != 1 {
				t.Error("connection not kept")
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		p := target(t, Options{}, func(p *peer) {
			p.head()
			p.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
			p.untilClosed()
		})
		r, _, touched := request(large)
		if resp, body := must(t, p, r); resp.StatusCode != 417 || body != "no" || *touched {
			t.Errorf("got %d %q, body touched: %v", resp.StatusCode, body, *touched)
		}
		if p.Stats().Idle != 0 {
			t.Error("a connection that waits for a body was kept")
		}
	})
	t.Run("closed", func(t *testing.T) {
		p := target(t, Options{}, func(p *peer) { p.head() })
		r, _, _ := request(large)
		if e := failing(t, p, r); !e.Replays || e.Wrote == 0 || e.Answer || e.Stage != StageWrite {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("ignored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := inMemory(t, Options{}, func(_ *http.Request, nc net.Conn) { io.WriteString(nc, answerOK) })
			defer p.Close()
			began := time.Now()
			r, _, _ := request("hello")
			must(t, p, r)
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("waited %v, want 1 s", waited)
			}
		})
	})
}
