package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/target"
)

// Environment of the process that is killed.
const (
	killedState = "EVENKEEL_TEST_STATE"
	killedFault = "EVENKEEL_TEST_STATE_FAULT"
)

// badWriters are writers that lose what was acknowledged when they are killed,
// or when the power fails.
var badWriters = map[string]func(string, []byte) error{
	"in place": func(path string, data []byte) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		half := len(data) / 2
		_, err1 := f.Write(data[:half])
		<-time.After(5 * time.Millisecond) // a disk that is not the fastest
		_, err2 := f.Write(data[half:])
		return errors.Join(err1, err2)
	},
	"unsynced": func(path string, data []byte) error {
		if err := os.WriteFile(path+".tmp", data, 0o600); err != nil {
			return err
		}
		return os.Rename(path+".tmp", path)
	},
	"later": func(path string, data []byte) error {
		time.AfterFunc(50*time.Millisecond, func() { _ = writeAtomic(path, data) })
		return nil
	},
}

// TestKeepingProcess is the process that TestStateSurvivesKill kills; as a test
// it does nothing.
func TestKeepingProcess(t *testing.T) {
	path := os.Getenv(killedState)
	if path == "" {
		return
	}
	opt := keptIn(path, shop())
	opt.Traffic.Listener, opt.Admin.Listener = listen(t), listen(t)
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		fmt.Println("ended:", g.Run(t.Context()))
		os.Exit(2)
	}()
	eventually(t, "the state is open", func() bool { return g.state.Load() != nil })
	if f := badWriters[os.Getenv(killedFault)]; f != nil {
		setWrite(g.state.Load(), f)
	}
	fmt.Println("admin", opt.Admin.Listener.Addr())
	<-time.After(10 * time.Minute)
}

// keeper is a gateway process with a state file.
type keeper struct {
	*proctest.Process
	url string
}

// startKeeper runs it under a command, if one is given.
func startKeeper(t *testing.T, path, fault string, under ...string) (k keeper, refused string) {
	t.Helper()
	args := append(under, os.Args[0], "-test.run=^TestKeepingProcess$")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), killedState+"="+path, killedFault+"="+fault)
	p := proctest.Start(t, cmd)
	m := p.WaitLine(time.Minute, `^(admin|ended:) (.*)$`)
	if m[1] == "ended:" {
		p.Wait(time.Minute)
		return keeper{}, m[2]
	}
	return keeper{p, "http://" + m[2] + "/v1/groups/shop/targets"}, ""
}

func (k keeper) do(method, path, body string) (int, error) {
	req, err := http.NewRequest(method, k.url+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func (k keeper) targets(t *testing.T) map[string]TargetStatus {
	t.Helper()
	resp, err := http.Get(k.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var is struct{ Targets []TargetStatus }
	if err := json.NewDecoder(resp.Body).Decode(&is); err != nil {
		t.Fatal(err)
	}
	out := map[string]TargetStatus{}
	for _, s := range is.Targets {
		out[s.ID] = s
	}
	return out
}

// acknowledged is what the clients were told. An unanswered call leaves its target
// open: it may be there or not.
type acknowledged struct {
	mu    sync.Mutex
	want  map[string]target.State // acknowledged last; Unused: gone
	acked int
}

// write makes calls until the process is dead: each client registers targets,
// drains every third and removes every fifth.
func (l *acknowledged) write(k keeper, round, client int) {
	for i := 0; ; i++ {
		id := fmt.Sprintf("r%d-c%d-%d", round, client, i)
		calls := []struct {
			method, path, body string
			then               target.State
		}{{"PUT", "/" + id, `{"address":"127.0.0.1:1"}`, target.Healthy}}
		if i%3 == 1 {
			calls = append(calls, struct {
				method, path, body string
				then               target.State
			}{"POST", "/" + id + "/drain", "", target.Draining})
		}
		if i%5 == 2 {
			calls = append(calls, struct {
				method, path, body string
				then               target.State
			}{"DELETE", "/" + id + "?wait=10s", "", target.Unused})
		}
		for _, c := range calls {
			l.set(id, nil)
			status, err := k.do(c.method, c.path, c.body)
			if err != nil || status >= 300 {
				return
			}
			l.set(id, &c.then)
		}
	}
}

func (l *acknowledged) set(id string, s *target.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == nil {
		delete(l.want, id)
		return
	}
	l.want[id] = *s
	l.acked++
}

func (l *acknowledged) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// lost compares what was acknowledged with what is there.
func (l *acknowledged) lost(is map[string]TargetStatus) (lost []string) {
	for id, want := range l.want {
		s, ok := is[id]
		if ok != (want != target.Unused) || ok && s.State != want {
			lost = append(lost, fmt.Sprintf("%s: acknowledged as %v, now %v (there: %v)", id, want, s.State, ok))
		}
	}
	return lost
}

// killRounds kills a gateway under writes and starts the next one on its state,
// until something is lost or the rounds are over.
func killRounds(t *testing.T, fault string, rounds int) (lost []string, acked int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway.json")
	l := &acknowledged{want: map[string]target.State{}}
	k, refused := startKeeper(t, path, fault)
	for round := range rounds {
		if refused != "" {
			return []string{refused}, l.acked
		}
		before := l.count()
		var clients sync.WaitGroup
		for c := range 4 {
			clients.Go(func() { l.write(k, round, c) })
		}
		eventually(t, "some writes", func() bool { return l.count() >= before+20+7*round })
		k.Kill()
		clients.Wait()
		k.Wait(time.Minute)
		if k, refused = startKeeper(t, path, fault); refused == "" {
			if lost = l.lost(k.targets(t)); len(lost) > 0 {
				return lost, l.acked
			}
		}
	}
	k.Kill()
	return lost, l.acked
}

// Whatever the API has acknowledged is there after kill -9 in the middle of
// writes.
func TestStateSurvivesKill(t *testing.T) {
	lost, acked := killRounds(t, "", 6)
	if len(lost) > 0 || acked < 120 {
		t.Errorf("%d of %d lost, such as %s", len(lost), acked, strings.Join(lost[:min(3, len(lost))], "; "))
	}
}

// The test above finds writers that do not keep what they promise.
func TestStateKillFindsFaults(t *testing.T) {
	for _, fault := range []string{"in place", "later"} {
		t.Run(fault, func(t *testing.T) {
			lost, acked := killRounds(t, fault, 40)
			if len(lost) == 0 {
				t.Errorf("found nothing in %d writes", acked)
			}
			t.Logf("after %d writes: %.200s", acked, strings.Join(lost, "; "))
		})
	}
}
