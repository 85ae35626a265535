package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// fake is a Source whose clock moves half a second with each snapshot.
type fake struct {
	mu       sync.Mutex
	state    State
	asked    int // snapshots
	still    bool
	queue    int
	bound    int
	done     []string
	switched []string
	err      error
}

func newFake() *fake {
	f := &fake{bound: 3}
	f.state = State{
		Strategy:   Strategy{Name: "sticky", Sentence: "Each replica keeps its own."},
		Strategies: []Strategy{{Name: "sticky", Sentence: "Each replica keeps its own.", Loses: "sign-ins"}, {Name: "evenkeel"}},
		Verdict:    "so far nothing was lost", Good: true,
		Replicas: []Replica{{Name: "shop-10", State: ReplicaDraining, Streams: 1}, {Name: "shop-2", State: ReplicaServing, Bound: 7}},
	}
	f.state.Run, f.state.Phase, f.state.Users = 1, Running, 200
	return f
}

func (f *fake) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	s := f.state
	s.Replicas = append([]Replica{}, s.Replicas...)
	s.Queue = Queue{Length: f.queue, Bound: f.bound}
	if !f.still {
		f.state.Elapsed += Seconds(500 * time.Millisecond)
		f.state.Sent += 50
		f.state.Replicas = append([]Replica{}, f.state.Replicas...)
		f.state.Replicas[1].Served += 50
	}
	return s
}

func (f *fake) set(change func(*State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
}

func (f *fake) Do(action string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	if f.queue == f.bound {
		return f.queue, fmt.Errorf("do: %w", ErrBusy)
	}
	f.queue++
	f.done = append(f.done, action)
	return f.queue, nil
}

func (f *fake) Switch(strategy string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strategy != "evenkeel" && strategy != "sticky" {
		return fmt.Errorf("switch: %w", ErrUnknown)
	}
	f.switched = append(f.switched, strategy)
	f.state.Run++
	f.state.Elapsed, f.state.Sent = 0, 0
	f.state.Strategy.Name = strategy
	return nil
}

// touched is what anybody has made the source do.
func (f *fake) touched() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprint(f.done, f.switched)
}

// stand is a page on a real listener.
type stand struct {
	*Page
	t    *testing.T
	src  *fake
	url  string
	stop context.CancelFunc // of Run
}

func serve(t *testing.T, src *fake, opt Options) *stand {
	t.Helper()
	s := newStand(t, src, opt)
	s.run()
	return s
}

func newStand(t *testing.T, src *fake, opt Options) *stand {
	t.Helper()
	if opt.Every == 0 {
		opt.Every = 2 * time.Millisecond
	}
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("shop: %v", err)
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})
	p := New(src, shop, opt)
	srv := httptest.NewServer(p.Handler())
	t.Cleanup(srv.Close)
	return &stand{Page: p, t: t, src: src, url: srv.URL, stop: func() {}}
}

// run starts Run and ends it before the server.
func (s *stand) run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.stop = stop
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
}

// answer is what came back, read to its end.
type answered struct {
	*http.Response
	body string
}

func (s *stand) do(method, path, body string, change ...func(*http.Request)) answered {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	client.CloseIdleConnections()
	return answered{resp, string(b)}
}

// message is one event of the stream.
type message struct {
	id, event, data string
	All             bool
	Points          []map[string]any
	State           map[string]any
}

// watcher reads the stream as a browser does.
type watcher struct {
	t    *testing.T
	resp *http.Response
	r    *bufio.Reader
	stop context.CancelFunc
}

func (s *stand) watch() *watcher {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s.t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	tr := &http.Transport{}
	s.t.Cleanup(tr.CloseIdleConnections)
	resp, err := tr.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return &watcher{s.t, resp, bufio.NewReader(resp.Body), stop}
}

// next is the next message that has data; ok is false at the end.
func (w *watcher) next() (m message, ok bool) {
	w.t.Helper()
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return m, false
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
			if err := json.Unmarshal([]byte(value), &m); err != nil {
				w.t.Fatalf("not JSON: %v\n%s", err, value)
			}
		case "":
			if m.data != "" {
				return m, true
			}
		}
	}
}

// eventually waits until what is true, and fails the test if it never is.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		runtime.Gosched()
		<-time.After(time.Millisecond)
	}
}
