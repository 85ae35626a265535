package actuate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/fleet"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// TestMain makes this binary the programs that the tests start, by its name.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "kubectl", "aws":
		os.Exit(tool())
	case "podserver":
		podServer()
		return
	}
	os.Exit(m.Run())
}

// podServer is an instance: it answers with its name, and takes some time to
// leave.
func podServer() {
	left := make(chan os.Signal, 1)
	signal.Notify(left, syscall.SIGTERM)
	go func() {
		<-left
		time.Sleep(200 * time.Millisecond)
		os.Exit(0)
	}()
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Instance", os.Getenv("EVENKEEL_INSTANCE"))
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// tool hands its arguments to the platform of the test, and says what it says.
func tool() int {
	body, err := json.Marshal(append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...))
	if err != nil {
		panic(err)
	}
	resp, err := http.Post(os.Getenv("ACTUATE_PLATFORM"), "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(os.Stderr, resp.Body)
		return 1
	}
	_, _ = io.Copy(os.Stdout, resp.Body)
	return 0
}

// platform is a small orchestrator whose pods are real processes. Its tools are
// kubectl and aws in a PATH of the test's own.
type platform struct {
	t     *testing.T
	bin   string
	fleet *fleet.Fleet

	mu      sync.Mutex
	pods    []*pod
	made    int
	calls   []string
	refuse  string // the call that fails, by its beginning
	pending sync.WaitGroup
}

type pod struct {
	name    string
	process *fleet.Instance
	leaving bool
	ready   bool
}

// newPlatform starts so many pods.
func newPlatform(t *testing.T, pods int) *platform {
	t.Helper()
	p := &platform{t: t, bin: t.TempDir(), fleet: fleet.New(fleet.Options{})}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubectl", "aws", "podserver"} {
		if err := os.Symlink(self, filepath.Join(p.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	srv := httptest.NewServer(p)
	t.Cleanup(func() {
		p.pending.Wait()
		srv.Close()
		if err := p.fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("PATH", p.bin+":"+os.Getenv("PATH"))
	t.Setenv("ACTUATE_PLATFORM", srv.URL)
	for range pods {
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// start adds a pod and returns when it is ready.
func (p *platform) start() error {
	address, err := fleet.FreeAddress()
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.made++
	i := &pod{name: fmt.Sprintf("shop-%d", p.made)}
	p.pods = append(p.pods, i)
	p.mu.Unlock()
	_, port, _ := strings.Cut(address, ":")
	process, err := p.fleet.Start(fleet.Command{Name: i.name, Path: filepath.Join(p.bin, "podserver"), Env: []string{"PORT=" + port, "EVENKEEL_INSTANCE=" + i.name}})
	if err != nil {
		return err
	}
	_, err = process.WaitReady(context.Background(), "http://"+address)
	p.mu.Lock()
	i.process, i.ready = process, err == nil
	p.mu.Unlock()
	return err
}

// end ends a pod and returns when it is gone.
func (p *platform) end(i *pod) {
	p.mu.Lock()
	i.leaving = true
	process := i.process
	p.mu.Unlock()
	_, _ = process.Terminate()
	_, _ = process.Wait(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pods = slices.DeleteFunc(p.pods, func(o *pod) bool { return o == i })
}

// list is a copy of the pods.
func (p *platform) list() []pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []pod
	for _, i := range p.pods {
		all = append(all, *i)
	}
	return all
}

func (p *platform) named(name string) *pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.pods {
		if i.name == name {
			return i
		}
	}
	return nil
}

// later does something that the tool does not wait for.
func (p *platform) later(f func()) { p.pending.Go(f) }

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var args []string
	if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	call := strings.Join(args, " ")
	p.mu.Lock()
	p.calls = append(p.calls, call)
	refused := p.refuse != "" && strings.HasPrefix(call, p.refuse)
	p.mu.Unlock()
	if refused {
		http.Error(w, "line of noise\nerror: it is forbidden", http.StatusForbidden)
		return
	}
	answer, err := p.answer(args[0], args[1:])
	if err != nil {
		http.Error(w, "error: "+err.Error(), http.StatusNotFound)
		return
	}
	if s, ok := answer.(string); ok {
		_, _ = io.WriteString(w, s)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// called counts the calls that begin so.
func (p *platform) called(beginning string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if strings.HasPrefix(c, beginning) {
			n++
		}
	}
	return n
}

// deny makes the calls that begin so fail.
func (p *platform) deny(beginning string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = beginning
}

// said are all calls.
func (p *platform) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// scale brings the pods to that number.
func (p *platform) scale(n int) {
	all := p.list()
	for range n - len(all) {
		p.later(func() { _ = p.start() })
	}
	for _, i := range all[min(n, len(all)):] {
		p.later(func() { p.end(p.named(i.name)) })
	}
}

// replace starts a pod for each of these, and ends them when it is ready.
func (p *platform) replace(pods []pod) {
	p.later(func() {
		for _, i := range pods {
			if p.start() == nil {
				p.end(p.named(i.name))
			}
		}
	})
}

// settled tells whether nothing is on its way.
func (p *platform) settled() bool {
	return !slices.ContainsFunc(p.list(), func(i pod) bool { return i.leaving || !i.ready })
}

// happen makes an event happen and returns what was written down of it.
func happen(t *testing.T, e plan.Event, env Env) (history.Event, error) {
	t.Helper()
	if env.Every == 0 {
		env.Every = 100 * time.Millisecond
	}
	a, err := New(e, env)
	if err != nil {
		t.Fatal(err)
	}
	s := drill.NewScene(engine.NewClock(), 1, a.Kind)
	err = a.Do(t.Context(), s)
	return s.Event(), err
}

// wantPhases checks which phases were seen, and their order.
func wantPhases(t *testing.T, e history.Event, terminating, ready bool) {
	t.Helper()
	if (e.Terminating >= 0) != terminating || (e.Ready >= 0) != ready {
		t.Errorf("terminating %v, ready %v; want them seen: %v, %v", e.Terminating, e.Ready, terminating, ready)
	}
	if terminating && e.Terminating < e.Triggered || ready && e.Ready < e.Triggered {
		t.Errorf("phases before the event: %+v", e)
	}
}
