package role

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// serveHTTPUtil is the standard library's proxy: round robin, no retries. A line
// "remove NAME" on standard input takes a target out; "removed NAME" is printed
// when nothing is in flight to it, or after DrainBound.
func serveHTTPUtil(l net.Listener, role string, addrs []string) error {
	b := &robin{}
	for i, addr := range addrs {
		b.list = append(b.list, &robinTarget{name: TargetName(i), url: &url.URL{Scheme: "http", Host: addr}})
	}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(r.In.Context().Value(chosen{}).(*robinTarget).url)
			r.SetXForwarded()
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	if role != Default {
		p.Transport = &http.Transport{
			MaxIdleConns: 0, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute,
			DisableCompression: true, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
			DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		}
		p.BufferPool = new(bufferPool)
	}
	handler := b.around(p)
	if role == Faulty {
		handler = faulty(handler)
	}
	fmt.Println(l.Addr())
	go b.obey(os.Stdin, os.Stdout)
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
}

// faulty breaks one answer in a hundred.
func faulty(next http.Handler) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%100 == 0 {
			http.Error(w, "planted", http.StatusBadGateway)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type chosen struct{}

// robin is a list of targets, in turn.
type robin struct {
	next atomic.Uint64

	mu   sync.Mutex
	list []*robinTarget
}

type robinTarget struct {
	name     string
	url      *url.URL
	inFlight atomic.Int64
}

// pick counts the request in on the next target; nil if there is none.
func (b *robin) pick() *robinTarget {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return nil
	}
	t := b.list[b.next.Add(1)%uint64(len(b.list))]
	t.inFlight.Add(1)
	return t
}

func (b *robin) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := b.pick()
		if t == nil {
			http.Error(w, "no target", http.StatusServiceUnavailable)
			return
		}
		defer t.inFlight.Add(-1)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chosen{}, t)))
	})
}

func (b *robin) obey(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		name, ok := strings.CutPrefix(lines.Text(), "remove ")
		if !ok {
			continue
		}
		b.remove(name)
		fmt.Fprintln(out, "removed", name)
	}
}

func (b *robin) remove(name string) {
	b.mu.Lock()
	i := slices.IndexFunc(b.list, func(t *robinTarget) bool { return t.name == name })
	if i < 0 {
		b.mu.Unlock()
		return
	}
	t := b.list[i]
	b.list = slices.Delete(slices.Clone(b.list), i, i+1)
	b.mu.Unlock()
	for end := time.Now().Add(DrainBound); t.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// bufferPool gives the proxy buffers of the size that it would make itself.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put(&p) }
