package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// records parses what an access log has written.
func records(t *testing.T, b []byte) (out []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(b) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, r)
	}
	return out
}

// safe is a buffer that handlers may write to at once.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}

func TestAccessLog(t *testing.T) {
	var buf safe
	opt := options(sticky(target.Move, dead(t, "a"), app(t, "b", nil)))
	opt.Access.Logger = slog.New(slog.NewJSONHandler(&buf, nil))
	opt.Traffic.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, opt)
	agent := strings.Repeat("agent ", 100) + "secret"
	for range 2 {
		once(t, f.addr, "GET", "/path;jsessionid=secret/x;v=secret?token=secret", "", "Cookie: session=secret", "Authorization: Bearer secret",
			"User-Agent: "+agent, "X-Forwarded-For: 192.0.2.9", "Traceparent: "+parent, "X-Api-Key: secret").want(t, 200, "b")
	}
	eventually(t, "two records", func() bool { return bytes.Count(buf.bytes(), []byte("\n")) == 2 })
	if b := buf.bytes(); bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("ek=")) {
		t.Errorf("the log says too much: %s", b)
	}
	got := records(t, buf.bytes())[0]
	for _, name := range []string{"time", "duration", "upstream_duration"} {
		if got[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	for k, v := range map[string]any{
		"level": "INFO", "msg": "request", "client": "192.0.2.9", "method": "GET", "path": "/path/x", "protocol": "HTTP/1.1", "status": 200.0, "target": "b",
		"attempts": 2.0, "bytes": 1.0, "group": "shop", "user_agent": agent[:maxLoggedAgent], "trace_id": parent[3:35],
	} {
		if got[k] != v {
			t.Errorf("%s is %v, want %v", k, got[k], v)
		}
	}
	if d, u := got["duration"].(float64), got["upstream_duration"].(float64); u <= 0 || d < u {
		t.Errorf("%v, of it %v at targets", d, u)
	}
}

// What failed is always written, also where nothing else is.
func TestAccessLogSample(t *testing.T) {
	for _, tc := range []struct {
		sample   float64
		min, max int
	}{{0, 2000, 2000}, {0.25, 300, 700}, {-1, 0, 0}} {
		var buf safe
		opt := options(shop(app(t, "a", nil)))
		opt.Access = AccessOptions{Logger: slog.New(slog.NewJSONHandler(&buf, nil)), Sample: tc.sample}
		g, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			x := &exchange{g: g, r: request(), status: 200}
			x.log(time.Now())
		}
		if n := len(records(t, buf.bytes())); n < tc.min || n > tc.max {
			t.Errorf("sample %v: %d of 2000", tc.sample, n)
		}
		buf.b.Reset()
		x := &exchange{g: g, r: request(), status: 502}
		x.log(time.Now())
		if len(records(t, buf.bytes())) != 1 {
			t.Errorf("sample %v: a 502 is not written", tc.sample)
		}
	}
}

// The path is a file that another program may move away.
func TestAccessFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	opt := options(shop(app(t, "a", nil)))
	opt.Access.Path = path
	f := start(t, opt)
	lines := func(path string) int {
		b, _ := os.ReadFile(path)
		return bytes.Count(b, []byte("\n"))
	}
	once(t, f.addr, "GET", "/1", "").want(t, 200, "a")
	eventually(t, "a record", func() bool { return lines(path) == 1 })
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	once(t, f.addr, "GET", "/2", "").want(t, 200, "a")
	eventually(t, "a record in the new file", func() bool { return lines(path) == 1 })
	once(t, f.addr, "GET", "/3", "").want(t, 200, "a")
	if err := f.stop(); err != nil { // writes the last one
		t.Fatal(err)
	}
	if lines(path) != 2 || lines(path+".1") != 1 {
		t.Errorf("%d and %d records", lines(path), lines(path+".1"))
	}
}

func TestAccessFileCannotBeOpened(t *testing.T) {
	opt := options(shop())
	opt.Traffic.Listener = listen(t)
	opt.Access.Path = filepath.Join(t.TempDir(), "none", "access.log")
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "access log") {
		t.Errorf("got %v", err)
	}
}

// A disk that does not take records costs records, and never a request.
func TestAccessFileFull(t *testing.T) {
	f := newAccessFile("unused")
	record := []byte(strings.Repeat("x", 1000))
	const n = 2 * maxAccessBuffer / 1000
	for range n {
		if _, err := f.Write(record); err != nil {
			t.Fatal(err)
		}
	}
	if kept := len(f.waiting) / 1000; kept == 0 || uint64(kept)+f.dropped.Load() != n {
		t.Errorf("%d kept, %d dropped of %d", kept, f.dropped.Load(), n)
	}
}

func TestLoggedPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a;x=y/b;z": "/a/b", "/;": "/", ";/a": "/a", "/\xff\xfea": "/a",
		"/" + strings.Repeat("é", 1000): "/" + strings.Repeat("é", 511),
	} {
		if got := loggedPath(path); got != want {
			t.Errorf("%.40q: got %.40q (%d)", path, got, len(got))
		}
	}
}

func FuzzLoggedPath(f *testing.F) {
	f.Add("/a;jsessionid=x/b")
	f.Fuzz(func(t *testing.T, path string) {
		if got := loggedPath(path); strings.Contains(got, ";") || len(got) > maxLoggedPath || got != strings.ToValidUTF8(got, "") {
			t.Errorf("%q is %q", path, got)
		}
	})
}

func request() *http.Request {
	r, err := http.NewRequest("GET", "/", nil)
	if err != nil {
		panic(fmt.Sprint("a constant request: ", err))
	}
	return r
}
