package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorder is a writer that says how it was given what.
type recorder struct {
	bytes.Buffer
	spliced int64 // what came from an io.LimitedReader over a TCP connection
}

func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if l, ok := src.(*io.LimitedReader); ok {
		if _, ok := l.R.(*net.TCPConn); ok {
			r.spliced += l.N
		}
	}
	return r.Buffer.ReadFrom(src)
}

func content(n int) string {
	return strings.Repeat("0123456789abcde\n", n/16+1)[:n]
}

func encodings(body string) map[string]string {
	var chunks strings.Builder
	for i, rest := 0, body; rest != ""; i++ {
		n := min(len(rest), 1+i*i*100)
		fmt.Fprintf(&chunks, "%X\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	return map[string]string{
		"length":      fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
		"chunked":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks.String() + "0\r\n\r\n",
		"until close": "HTTP/1.1 200 OK\r\n\r\n" + body,
	}
}

func TestBodyReadAndWriteTo(t *testing.T) {
	for _, size := range []int{1, 100, readerSize, spliceMin + readerSize, 1 << 20} {
		want := content(size)
		for name, answer := range encodings(want) {
			for how, read := range map[string]func(io.Reader) (string, error){
				"io.ReadAll": func(r io.Reader) (string, error) { b, err := io.ReadAll(r); return string(b), err },
				"io.Copy": func(r io.Reader) (string, error) {
					var w recorder
					n, err := io.Copy(&w, r)
					if n != int64(w.Len()) {
						err = errors.Join(err, fmt.Errorf("counted %d bytes of %d", n, w.Len()))
					}
					if spliced := w.spliced >= int64(size-readerSize); name == "length" && size > 1<<16 && !spliced {
						err = errors.Join(err, fmt.Errorf("%d bytes were offered for splicing", w.spliced))
					}
					return w.String(), err
				},
				"some, then io.Copy": func(r io.Reader) (string, error) {
					var w recorder
					if _, err := io.CopyN(&w, r, int64(size/2)); err != nil {
						return "", err
					}
					_, err := io.Copy(&w, r)
					return w.String(), err
				},
				"small pieces": func(r io.Reader) (string, error) {
					var w strings.Builder
					_, err := io.CopyBuffer(&w, struct{ io.Reader }{r}, make([]byte, 7))
					return w.String(), err
				},
			} {
				p := target(t, Options{}, once(answer))
				resp, err := p.Do(t.Context(), get("/"))
				if err != nil {
					t.Fatal(err)
				}
				got, err := read(resp.Body)
				if got != want || err != nil {
					t.Errorf("%s, %d bytes, %s: got %d bytes, %v", name, size, how, len(got), err)
				}
				if n, err := io.Copy(io.Discard, resp.Body); n != 0 || err != nil {
					t.Errorf("after the end: %d, %v", n, err)
				}
				if idle := p.Stats().Idle; (idle == 1) != (name != "until close") {
					t.Errorf("%s, %d bytes, %s: %d kept", name, size, how, idle)
				}
			}
		}
	}
}

var errDiskFull = errors.New("disk full")

// failingWriter takes some bytes, then no more.
type failingWriter struct{ takes int }

func (w *failingWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.takes)
	if w.takes -= n; n < len(p) {
		return n, errDiskFull
	}
	return n, nil
}

// failingSink has a ReadFrom too.
type failingSink struct{ failingWriter }

func (w *failingSink) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(&w.failingWriter, r)
}

func TestWriterFails(t *testing.T) {
	for name, answer := range encodings(content(1 << 20)) {
		for _, w := range []io.Writer{&failingWriter{0}, &failingWriter{500 << 10}, &failingSink{}, &failingSink{failingWriter{500 << 10}}} {
			p := target(t, Options{}, func(p *peer) { p.request(); p.send(answer); p.untilClosed() })
			resp, err := p.Do(t.Context(), get("/"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(w, resp.Body)
			var e *Error
			if !errors.Is(err, errDiskFull) || errors.As(err, &e) {
				t.Errorf("%s, %T: got %v, want the writer's error alone", name, w, err)
			}
			if n, err := resp.Body.Read(make([]byte, 10)); n != 0 || err == nil {
				t.Errorf("%s: reading goes on after bytes were lost", name)
			}
			if s := p.Stats(); s.Active != 0 || s.Idle != 0 {
				t.Errorf("%s, %T: %+v, want the connection closed", name, w, s)
			}
		}
	}
}

func TestTargetDiesUnderWriteTo(t *testing.T) {
	for name, answer := range encodings(content(1 << 20)) {
		for _, reset := range []bool{false, true} {
			if name == "until close" && !reset {
				continue // that would be its end
			}
			for _, w := range []io.Writer{&recorder{}, struct{ io.Writer }{&recorder{}}} {
				got := make(chan struct{})
				p := target(t, Options{}, func(p *peer) {
					p.request()
					p.send(answer[:600<<10])
					<-got
					if reset {
						p.reset()
					}
				})
				resp, err := p.Do(t.Context(), get("/"))
				close(got)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(w, resp.Body)
				var e *Error
				if !errors.As(err, &e) || e.Stage != StageBody || !reset && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s, reset %v, %T: got %v", name, reset, w, err)
				}
			}
		}
	}
}

// Through net/http's server the rest of a body is spliced from socket to
// socket; what arrives must be the same.
func TestThroughServer(t *testing.T) {
	want := content(3 << 20)
	for name, answer := range encodings(want) {
		p := target(t, Options{}, once(answer))
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			resp, err := p.Do(r.Context(), &Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header})
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			w.Header()["Content-Length"] = resp.Header["Content-Length"]
			if _, err := io.Copy(w, resp.Body); err != nil {
				t.Error(err)
			}
		}))
		resp, err := front.Client().Get(front.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(got) != want || err != nil {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
		front.Close()
	}
}
