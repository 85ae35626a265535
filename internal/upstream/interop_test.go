package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// served returns a pool towards net/http's server with h.
func served(t *testing.T, opt Options, h http.HandlerFunc) *Pool {
	srv := httptest.NewServer(h)
	p := NewPool(srv.Listener.Addr().String(), opt)
	t.Cleanup(func() { p.Close(); srv.Close() })
	return p
}

func TestServerGetsWhatWasAsked(t *testing.T) {
	p := served(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Method", r.Method)
		w.Header().Set("X-Trailer", r.Trailer.Get("X-Sum"))
		w.Header().Set("Trailer", "X-Out")
		fmt.Fprintf(w, "%s %s %s %d %s", r.Host, r.RequestURI, r.Header.Get("X-In"), r.ContentLength, body)
		w.Header().Set("X-Out", "bye")
	})
	r := post("hello")
	r.ContentLength = -1
	r.Header = http.Header{"X-In": {"in"}, "Trailer": {"X-Sum"}}
	r.Target = "/a/b?c=d%20e"
	r.Trailer = func() http.Header { return http.Header{"X-Sum": {"5"}} }
	resp, body := must(t, p, r)
	if want := "shop.example /a/b?c=d%20e in -1 hello"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
	if resp.Header.Get("X-Method") != "POST" || resp.Header.Get("X-Trailer") != "5" || resp.Trailer().Get("X-Out") != "bye" {
		t.Errorf("header %v, trailer %v", resp.Header, resp.Trailer())
	}
}

// The server sends 100 Continue, hints, and closes after an unread body.
func TestServerInterim(t *testing.T) {
	p := served(t, Options{ContinueTimeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.Copy(w, r.Body)
	})
	for _, path := range []string{"/", "/refuse"} {
		touched, hints := false, 0
		r := post("")
		r.Target = path
		r.Header = http.Header{"Expect": {"100-continue"}}
		r.Body, r.ContentLength = &waitingBody{bytes.NewReader(make([]byte, 1<<20)), func() { touched = true }}, 1<<20
		r.Informational = func(status int, h http.Header) {
			if status == 103 && h.Get("Link") != "" {
				hints++
			}
		}
		resp, body := must(t, p, r)
		if refused := path == "/refuse"; (resp.StatusCode == 401) != refused || touched == refused || (hints == 1) == refused || (len(body) == 0) != refused {
			t.Errorf("%s: got %d with %d bytes, body touched %v, %d hints", path, resp.StatusCode, len(body), touched, hints)
		}
	}
}

// A handler that refuses a large upload unread: the server answers, closes
// its half and then resets.
func TestServerRefusesUpload(t *testing.T) {
	p := served(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20))
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})
	framings(t, 64<<20, func(t *testing.T, r *Request, _ *upload) {
		if resp, _ := must(t, p, r); resp.StatusCode != 413 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
}

func TestServerEndsIdleConnections(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.IdleTimeout = time.Millisecond
	srv.Start()
	defer srv.Close()
	p := NewPool(srv.Listener.Addr().String(), Options{})
	defer p.Close()
	for i := range 20 {
		resp, err := p.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		c := resp.x.c // nil: it is back already
		resp.Body.Close()
		if c != nil {
			t.Fatal("an empty answer held its connection")
		}
		p.mu.Lock()
		if len(p.idle) > 0 {
			c = p.idle[0]
		}
		p.mu.Unlock()
		if c != nil && i%2 == 0 {
			eventually(t, "the server closes the idle connection", func() bool { return c.peek.look() == gone })
		} else {
			p.CloseIdle()
		}
	}
}

func TestConcurrent(t *testing.T) {
	p := served(t, Options{MaxIdle: 48, DialTimeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // aborted by the other side
		}
		w.Header().Set("X-Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		out := bytes.Repeat([]byte(r.URL.RawQuery+"\n"), size/len(r.URL.RawQuery)+1)
		w.Header().Set("X-Out", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
		if size%2 == 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(out)))
		}
		_, _ = w.Write(out)
	})
	var wg sync.WaitGroup
	for worker := range 64 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range 20 {
				if err := verified(t.Context(), p, rnd, worker, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Active != 0 || s.Idle > 48 || s.Reuses == 0 {
		t.Errorf("at the end: %+v", s)
	}
}

// verified makes one exchange of random shape and checks sums both ways; some
// are given up halfway.
func verified(ctx context.Context, p *Pool, rnd *rand.Rand, worker, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seed := [32]byte{byte(worker), byte(i)}
	body := make([]byte, 1+rnd.IntN(1<<(6+rnd.IntN(12)))) // up to 128 KiB, mostly small
	if _, err := rand.NewChaCha8(seed).Read(body); err != nil {
		return err
	}
	r := &Request{
		Method: "POST", Target: fmt.Sprintf("/?size=%d&worker=%d&i=%d", rnd.IntN(1<<(6+rnd.IntN(12))), worker, i),
		Body: bytes.NewReader(body), ContentLength: int64(len(body)),
	}
	if rnd.IntN(2) == 0 {
		r.Body, r.ContentLength = io.MultiReader(r.Body), -1
	}
	resp, err := p.Do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if want := fmt.Sprintf("%x", sha256.Sum256(body)); resp.Header.Get("X-Sum") != want {
		return fmt.Errorf("worker %d, %d: the target got another body", worker, i)
	}
	switch rnd.IntN(10) {
	case 0:
		return nil
	case 1:
		cancel()
		_, _ = io.Copy(io.Discard, resp.Body)
		return nil
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, resp.Body); err != nil {
		return err
	}
	if want := resp.Header.Get("X-Out"); want != strconv.FormatUint(uint64(sum.Sum32()), 10) {
		return fmt.Errorf("worker %d, %d: another body came", worker, i)
	}
	return nil
}
