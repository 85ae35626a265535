package upstream

import (
	"context"
	"io"
	"testing"
)

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"

func upgrade() *Request {
	r := get("/chat")
	r.Upgrade = "chat"
	return r
}

func TestHijack(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		r, _ := p.request()
		if r.Header.Get("Upgrade") != "chat" || r.Header.Get("Connection") != "Upgrade" {
			t.Errorf("the target got %v", r.Header)
		}
		p.send("HTTP/1.1 103 Early Hints\r\n\r\n" + switching + "hello")
		_, _ = io.Copy(p, p.br)
	})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := p.Do(ctx, upgrade())
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "chat" || resp.Header.Get("Connection") != "Upgrade" {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	nc, early, err := resp.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	resp.Body.Close()
	cancel() // neither reaches the connection any more
	if s := p.Stats(); s.Active != 0 || s.Idle != 0 {
		t.Errorf("after: %+v", s)
	}
	if _, _, err := resp.Hijack(); err == nil {
		t.Error("taken over twice")
	}
	if _, err := io.WriteString(nc, " echo"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	n := copy(got, early)
	if _, err := io.ReadFull(nc, got[n:]); err != nil || string(got) != "hello echo" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHijackRefused(t *testing.T) {
	p := target(t, Options{}, answering(switching))
	t.Run("after the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := p.Do(ctx, upgrade())
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, _, err := resp.Hijack(); err == nil {
			t.Error("a connection that is being closed was handed out")
		}
	})
	t.Run("not taken", func(t *testing.T) {
		resp, err := p.Do(t.Context(), upgrade())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d, %v: a tunnel has no body", n, err)
		}
		resp.Body.Close()
		if _, _, err := resp.Hijack(); err == nil {
			t.Error("taken over after Close")
		}
	})
	t.Run("declined by the target", func(t *testing.T) {
		p := target(t, Options{}, answering(answerOK))
		resp, err := p.Do(t.Context(), upgrade())
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, _, err := resp.Hijack(); err == nil || resp.StatusCode != 200 {
			t.Errorf("%d taken over", resp.StatusCode)
		}
	})
	if _, _, err := new(Response).Hijack(); err == nil {
		t.Error("a zero Response was taken over")
	}
}
