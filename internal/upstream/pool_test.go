package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

const answerOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestReuseIsLIFO(t *testing.T) {
	p := target(t, Options{}, answering(answerOK))
	var open []*Response
	for range 3 {
		r := get("/")
		r.Method = "POST" // the same either way
		resp, err := p.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
	if s := p.Stats(); s.Active != 3 || s.Idle != 0 || s.Dials != 3 {
		t.Errorf("while open: %+v", s)
	}
	last := open[1].x.c
	for _, i := range []int{0, 2, 1} {
		if _, err := io.Copy(io.Discard, open[i].Body); err != nil {
			t.Error(err)
		}
	}
	if s := p.Stats(); s.Active != 0 || s.Idle != 3 {
		t.Errorf("after: %+v", s)
	}
	resp, err := p.Do(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	if resp.x.c != last {
		t.Error("not the connection that was used last")
	}
	resp.Body.Close()
	resp.Body.Close() // again is allowed
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("read after close: %v", err)
	}
	if s := p.Stats(); s.Active != 0 || s.Idle != 2 || s.Reuses != 1 {
		t.Errorf("after an abort: %+v", s)
	}
}

func TestStaleConnectionIsReplaced(t *testing.T) {
	stale := map[string]func(*peer){
		"closed":      func(*peer) {},
		"reset":       func(p *peer) { p.reset() },
		"stray bytes": func(p *peer) { p.send("HTTP/1.1 408 Request Timeout\r\n\r\n"); p.untilClosed() },
	}
	for name, after := range stale {
		t.Run(name, func(t *testing.T) {
			idle := make(chan struct{})
			first := func(p *peer) {
				p.request()
				p.send(answerOK)
				<-idle
				after(p)
			}
			p := target(t, Options{}, first, answering(answerOK))
			must(t, p, get("/"))
			c := p.idle[0]
			close(idle)
			eventually(t, "the idle connection shows it", func() bool { return c.peek.look() != quiet })
			must(t, p, post("not to be lost"))
			if s := p.Stats(); s.Stale != 1 || s.Dials != 2 || s.Idle != 1 {
				t.Errorf("got %+v, want the stale one replaced", s)
			}
		})
	}
}

func TestStaleConnectionThatCannotBeReplaced(t *testing.T) {
	p := target(t, Options{}, once(answerOK))
	resp, err := p.Do(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	c := resp.x.c
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the idle connection is closed", func() bool { return c.peek.look() == gone })
	p.dial = func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	e := failing(t, p, get("/"))
	if e.Stage != StageDial || e.Reused || e.Wrote != 0 || !e.Unreceived || !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("got %+v", e)
	}
}

func TestReusedConnectionFails(t *testing.T) {
	p := target(t, Options{}, func(p *peer) {
		p.request()
		p.send(answerOK)
		p.request()
	})
	must(t, p, get("/"))
	e := failing(t, p, get("/"))
	if !e.Reused || e.Stage != StageHead || e.Answer || !e.Replays || e.Wrote != int64(len("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")) {
		t.Errorf("got %+v", e)
	}
}

func TestCloseIdleAndClose(t *testing.T) {
	closed := make(chan struct{}, 2)
	script := func(p *peer) {
		answering(answerOK)(p)
		closed <- struct{}{}
	}
	p := target(t, Options{}, script)
	must(t, p, get("/"))
	busy, err := p.Do(t.Context(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	p.CloseIdle() // none is idle
	if _, err := io.Copy(io.Discard, busy.Body); err != nil {
		t.Errorf("a response under way: %v", err)
	}
	p.CloseIdle()
	<-closed
	if s := p.Stats(); s.Idle != 0 {
		t.Errorf("after CloseIdle: %+v", s)
	}
	if busy, err = p.Do(t.Context(), get("/")); err != nil {
		t.Fatalf("after CloseIdle: %v", err)
	}
	p.Close()
	p.Close()
	if _, err := io.Copy(io.Discard, busy.Body); err != nil {
		t.Errorf("a response under way at Close: %v", err)
	}
	<-closed
	if e := failing(t, p, get("/")); !errors.Is(e, ErrClosed) || e.Stage != StageDial || !e.Unreceived {
		t.Errorf("after Close: %+v", e)
	}
}

func TestMaxIdle(t *testing.T) {
	for _, tt := range []struct {
		opt  Options
		kept int
	}{{Options{MaxIdle: 2}, 2}, {Options{MaxIdle: -1}, 0}, {Options{IdleTimeout: -1}, 0}, {Options{}, 3}} {
		p := target(t, tt.opt, answering(answerOK))
		var open []*Response
		for range 3 {
			resp, err := p.Do(t.Context(), get("/"))
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, resp)
		}
		for _, resp := range open {
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Error(err)
			}
		}
		if s := p.Stats(); s.Idle != tt.kept {
			t.Errorf("%+v: %d kept, want %d", tt.opt, s.Idle, tt.kept)
		}
	}
}

func TestDialIsBounded(t *testing.T) {
	p := NewPool("memory:80", Options{})
	entered := make(chan struct{})
	p.dial = func(ctx context.Context) (net.Conn, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := p.Do(ctx, get("/"))
		var e *Error
		if !errors.As(err, &e) || e.Stage != StageDial || !errors.Is(err, context.Canceled) || !e.Unreceived {
			t.Errorf("got %v", err)
		}
	})
	<-entered
	if s := p.Stats(); s.Active != 1 {
		t.Errorf("while dialling: %+v", s)
	}
	cancel()
	wg.Wait()
	if s := p.Stats(); s.Active != 0 {
		t.Errorf("after: %+v", s)
	}
}
