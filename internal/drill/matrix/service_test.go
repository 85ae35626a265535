package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

const (
	secret = "planted-faults-0123456789"
	// victim is replaced by spare in the middle of a run.
	victim = "shop-1"
	spare  = "spare-1"
	start  = 30 * time.Second // for a process, on a busy machine
)

// program builds the service.
func program(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "services")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../testdata/services").CombinedOutput()
	if err != nil {
		t.Fatalf("build the service: %v\n%s", err, out)
	}
	return path
}

// service is three instances, a spare one and their store, as processes.
type service struct {
	t        testing.TB
	store    string // its address
	balancer *balancer
	process  map[string]*proctest.Process
	spare    string // address of the instance that is not registered yet
	url      string
}

func startService(t testing.TB, path string, f planted) *service {
	t.Helper()
	s := &service{t: t, balancer: newBalancer(t, f.sticky), process: map[string]*proctest.Process{}}
	s.store = s.listening(s.run(path, "-role", "store",
		"-idle", f.expires().IdleTimeout.String(), "-absolute", f.expires().AbsoluteTimeout.String()))
	for _, name := range []string{victim, "shop-2", "shop-3", spare} {
		s.process[name] = s.run(path, "-role", "instance", "-name", name, "-store", s.store, "-fault", f.fault)
	}
	for name, p := range s.process {
		if name == spare {
			s.spare = s.listening(p)
			continue
		}
		s.balancer.register(name, s.listening(p))
	}
	front := httptest.NewServer(s.balancer)
	t.Cleanup(front.Close)
	s.url = front.URL
	return s
}

func (s *service) run(path string, arguments ...string) *proctest.Process {
	cmd := exec.Command(path, arguments...)
	cmd.Env = append(os.Environ(), "EVENKEEL_PROBE_SECRET="+secret, "GOMAXPROCS=1")
	return proctest.Start(s.t, cmd)
}

func (s *service) listening(p *proctest.Process) string {
	s.t.Helper()
	return p.WaitLine(start, `^listening on (\S+)`)[1]
}

// replaced is the event of every run but failedOver's: an instance leaves and another
// takes its place, with no request lost on the way.
func (s *service) replaced(ctx context.Context, scene *drill.Scene) error {
	scene.Target(victim)
	s.balancer.register(spare, s.spare)
	scene.Ready()
	if err := s.balancer.deregister(ctx, victim); err != nil {
		return err
	}
	return s.terminate(scene)
}

// terminated is the same without a word to the balancer before.
func (s *service) terminated(ctx context.Context, scene *drill.Scene) error {
	scene.Target(victim)
	s.balancer.register(spare, s.spare)
	scene.Ready()
	if err := s.terminate(scene); err != nil {
		return err
	}
	return s.balancer.detect(ctx, victim)
}

func (s *service) terminate(scene *drill.Scene) error {
	scene.Terminating()
	return syscall.Kill(s.process[victim].Pid(), syscall.SIGTERM)
}

// failedOver has the store lose its last second, as one does that fails over
// to a replica that is so far behind.
func (s *service) failedOver(ctx context.Context, _ *drill.Scene) error {
	if err := s.tell(ctx, "mark"); err != nil {
		return err
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.tell(ctx, "rewind")
}

func (s *service) tell(ctx context.Context, op string) error {
	body, err := json.Marshal(map[string]string{"Op": op})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.store, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answers %s with %d", op, res.StatusCode)
	}
	return err
}
