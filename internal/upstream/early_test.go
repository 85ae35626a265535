package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// upload is a body that counts how much of it was read.
type upload struct {
	size int64
	read atomic.Int64
}

func (u *upload) Read(p []byte) (int, error) {
	n := min(int64(len(p)), u.size-u.read.Load())
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	u.read.Add(n)
	return int(n), nil
}

// untilStill returns when nothing has been read for half a second: the engine
// is then, most likely, blocked in writing.
func (u *upload) untilStill() {
	for since, before := time.Now(), int64(-1); time.Since(since) < 500*time.Millisecond; runtime.Gosched() {
		if now := u.read.Load(); now != before {
			since, before = time.Now(), now
		}
	}
}

// framings runs f with an upload by length and a chunked one.
func framings(t *testing.T, size int64, f func(t *testing.T, r *Request, u *upload)) {
	for _, name := range []string{"length", "chunked"} {
		t.Run(name, func(t *testing.T) {
			u := &upload{size: size}
			r := &Request{Method: "POST", Target: "/", Body: u, ContentLength: size}
			if name == "chunked" {
				r.ContentLength = -1
			}
			f(t, r, u)
		})
	}
}

const tooLargeAnswer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n"

func TestEarlyAnswer(t *testing.T) {
	const size = 64 << 20 // more than any socket buffer takes
	scripts := map[string]func(p *peer, u *upload, done <-chan struct{}){
		"then closed": func(p *peer, _ *upload, _ <-chan struct{}) {
			p.head()
			p.send(tooLargeAnswer + "Connection: close\r\n\r\nbig")
		},
		"then nothing is read": func(p *peer, _ *upload, done <-chan struct{}) {
			p.head()
			p.send(tooLargeAnswer + "\r\nbig")
			<-done
		},
		"after some was read": func(p *peer, _ *upload, done <-chan struct{}) {
			p.head()
			_, _ = io.CopyN(io.Discard, p.br, 20<<20)
			p.send("HTTP/1.1 103 Early Hints\r\n\r\n" + tooLargeAnswer + "\r\nbig")
			<-done
		},
		"when writing stands still": func(p *peer, u *upload, done <-chan struct{}) {
			p.head()
			u.untilStill()
			p.send(tooLargeAnswer + "\r\nbig")
			<-done
		},
		"and the rest of it after the end of the upload": func(p *peer, _ *upload, _ <-chan struct{}) {
			p.head()
			p.send("HTTP/1.1 422 Unprocessable Content\r\nTransfer-Encoding: chunked\r\n\r\n")
			p.untilClosed()
			p.send("3\r\nbig\r\n0\r\n\r\n")
		},
		"then all is read": func(p *peer, _ *upload, _ <-chan struct{}) {
			p.head()
			p.send(tooLargeAnswer + "\r\nbig")
			p.untilClosed()
		},
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			framings(t, size, func(t *testing.T, r *Request, u *upload) {
				done := make(chan struct{})
				p := target(t, Options{}, func(p *peer) { script(p, u, done) })
				defer close(done)
				resp, body := must(t, p, r)
				if resp.StatusCode < 400 || body != "big" {
					t.Errorf("got %d %q", resp.StatusCode, body)
				}
				if got := u.read.Load(); got == size {
					t.Error("the whole body was sent all the same")
				}
				if s := p.Stats(); s.Idle != 0 || s.Active != 0 {
					t.Errorf("got %+v, want the connection closed", s)
				}
			})
		})
	}
}

// A target may answer first and read on: what it was sent must be complete.
func TestEarlyAnswerThatReadsOn(t *testing.T) {
	const size = 8 << 20
	framings(t, size, func(t *testing.T, r *Request, _ *upload) {
		var got atomic.Int64
		var wg sync.WaitGroup
		wg.Add(1)
		p := target(t, Options{}, func(p *peer) {
			defer wg.Done()
			r, err := http.ReadRequest(p.br)
			if err != nil {
				t.Error(err)
				return
			}
			p.send("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n")
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Errorf("the target: %v", err)
			}
			got.Store(n)
			p.send("4\r\ndone\r\n0\r\n\r\n")
			p.untilClosed()
		})
		if resp, body := must(t, p, r); resp.StatusCode != 202 || body != "done" {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
		if s := p.Stats(); s.Idle != 1 {
			t.Errorf("got %+v, want the connection kept", s)
		}
		p.Close()
		wg.Wait()
		if got.Load() != size {
			t.Errorf("the target got %d bytes of %d", got.Load(), size)
		}
	})
}

// A target that answers well and then takes nothing does not hold the caller
// for ever.
func TestEarlyAnswerThatStandsStill(t *testing.T) {
	t.Parallel() // it takes 5 s
	done := make(chan struct{})
	defer close(done)
	p := target(t, Options{}, func(p *peer) {
		p.head()
		p.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		<-done
	})
	u := &upload{size: 64 << 20}
	if resp, body := must(t, p, &Request{Method: "POST", Target: "/", Body: u, ContentLength: u.size}); resp.StatusCode != 200 || body != "ok" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// Without an answer a failed upload is an error that says how far it came.
func TestUploadFails(t *testing.T) {
	framings(t, 64<<20, func(t *testing.T, r *Request, u *upload) {
		p := target(t, Options{}, func(p *peer) {
			p.head()
			_, _ = io.CopyN(io.Discard, p.br, 1<<20)
			p.reset()
		})
		e := failing(t, p, r)
		if e.Stage != StageWrite || e.Client || e.Replays || e.Answer || e.Unreceived || e.Wrote < 1<<20 || e.Wrote > u.read.Load()+1<<20 {
			t.Errorf("got %+v after %d bytes read", e, u.read.Load())
		}
	})
}

// The target answered and reset before a byte could be written: writing fails
// at once, and what lies in the socket is the answer.
func TestAnswerBehindAFailedWrite(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("an RST throws received bytes away on other systems")
	}
	begun, gone := make(chan struct{}), make(chan struct{})
	p := target(t, Options{}, func(p *peer) {
		<-begun
		p.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate")
		p.reset()
		close(gone)
	})
	r := post("")
	r.Body, r.ContentLength = &waitingBody{strings.NewReader("hello"), func() { close(begun); <-gone }}, 5
	if resp, body := must(t, p, r); resp.StatusCode != 408 || body != "late" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestUploadMalformedEarlyAnswer(t *testing.T) {
	framings(t, 64<<20, func(t *testing.T, r *Request, _ *upload) {
		p := target(t, Options{}, func(p *peer) {
			p.head()
			p.send("HTTP/1.1 nonsense\r\n\r\n")
			p.untilClosed()
		})
		if e := failing(t, p, r); !errors.Is(e, ErrMalformed) || e.Stage != StageWrite || !e.Answer {
			t.Errorf("got %+v", e)
		}
	})
}

func TestUploadArrivesWhole(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB
	for _, size := range []int{1, bufferSize - 200, bufferSize - 1, bufferSize, bufferSize + 1, 3*bufferSize + 7, len(data)} {
		for _, length := range []int64{int64(size), -1} {
			for _, wrap := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r },
				func(r io.Reader) io.Reader { return io.MultiReader(r) },
			} {
				p := target(t, Options{}, func(p *peer) {
					for {
						r, body := p.request()
						if r == nil {
							return
						}
						if body != string(data[:size]) || r.ContentLength != length {
							t.Errorf("%d bytes, length %d: the target got %d, %d", size, length, len(body), r.ContentLength)
						}
						p.send(answerOK)
					}
				})
				for range 2 {
					must(t, p, &Request{
						Method: "POST", Target: "/", ContentLength: length,
						Header: http.Header{"X-Large": {strings.Repeat("h", size%40000)}},
						Body:   wrap(bytes.NewReader(data[:size])),
					})
				}
				if s := p.Stats(); s.Dials != 1 {
					t.Errorf("%d bytes: %+v, want one connection", size, s)
				}
			}
		}
	}
}
