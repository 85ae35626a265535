//go:build unix

package actuate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/fleet"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// LocalStart is how long a local instance may take until it answers.
const LocalStart = 20 * time.Second

// Local is a service that the drill runs itself: a command, several times, each
// with a port of its own in PORT and a name in EVENKEEL_INSTANCE. It is safe
// for concurrent use.
type Local struct {
	command []string
	fleet   *fleet.Fleet

	mu        sync.Mutex
	instances []*localInstance
}

// localInstance is a place of the fleet: what runs in it is replaced.
type localInstance struct {
	name    string // as given, or as its answers say
	address string
	process *fleet.Instance
}

// NewLocal checks what the first of events of kind local says about instances.
// Nil without an error: none is to be run. It starts nothing.
func NewLocal(events []plan.Event) (*Local, error) {
	var first *plan.Local
	for _, e := range events {
		switch {
		case e.Local == nil || len(e.Local.Command) == 0:
		case first == nil:
			first = e.Local
		case !slices.Equal(first.Command, e.Local.Command) || first.Instances != e.Local.Instances || first.Port != e.Local.Port:
			return nil, fmt.Errorf("%v: local: another command, port or number of instances than before; there is one fleet", e.Pos)
		}
	}
	if first == nil {
		return nil, nil
	}
	if _, err := exec.LookPath(first.Command[0]); err != nil {
		return nil, fmt.Errorf("local: command %s: there is no such program", first.Command[0])
	}
	l := &Local{command: first.Command, fleet: fleet.New(fleet.Options{Ready: LocalStart})}
	for i := range cmp.Or(first.Instances, 3) {
		at := &localInstance{name: fmt.Sprintf("local-%d", i+1)}
		if first.Port > 0 {
			at.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(first.Port+i))
		}
		l.instances = append(l.instances, at)
	}
	return l, nil
}

// Start starts all instances and returns when each has answered, on any path
// and with any status.
func (l *Local) Start(ctx context.Context) error {
	errs := make([]error, len(l.instances))
	var wg sync.WaitGroup
	for i, at := range l.instances {
		if at.address == "" {
			free, err := fleet.FreeAddress()
			if err != nil {
				return err
			}
			at.address = free
		} else if err := vacant(ctx, at.address); err != nil {
			return fmt.Errorf("local: %w", err)
		}
		wg.Go(func() { errs[i] = l.start(ctx, at) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// vacant is an error if the address is taken.
func vacant(ctx context.Context, address string) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}

// URLs are the entrances of the instances.
func (l *Local) URLs() []string {
	var urls []string
	for _, at := range l.instances {
		urls = append(urls, "http://"+at.address)
	}
	return urls
}

// Close ends all instances.
func (l *Local) Close() error { return l.fleet.Close() }

// start starts an instance in its place and waits for an answer.
func (l *Local) start(ctx context.Context, at *localInstance) error {
	_, port, err := net.SplitHostPort(at.address)
	if err != nil {
		return err
	}
	p, err := l.fleet.Start(fleet.Command{
		Name: at.name, Path: l.command[0], Args: l.command[1:],
		Env: []string{"PORT=" + port, "EVENKEEL_INSTANCE=" + at.name},
	})
	if err != nil {
		return fmt.Errorf("local: %w", err)
	}
	l.mu.Lock()
	at.process = p
	l.mu.Unlock()
	named, err := answered(ctx, p, "http://"+at.address+"/")
	if err != nil {
		return fmt.Errorf("local: %w", err)
	}
	if named != "" {
		l.mu.Lock()
		at.name = named
		l.mu.Unlock()
	}
	return nil
}

// answered waits until the instance answers at all, and returns the name that
// the answer has for it.
func answered(ctx context.Context, p *fleet.Instance, url string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, LocalStart)
	defer cancel()
	client := &http.Client{
		Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			return resp.Header.Get("X-Instance"), nil
		}
		select {
		case <-p.Exited():
			return "", fmt.Errorf("%s ended before it answered: %s", p.Name(), tail(p.Output()))
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("%s does not answer at %s: %w: %s", p.Name(), url, err, tail(p.Output()))
		}
	}
}

// pick is an instance that runs: the one of that name, or with random any.
func (l *Local) pick(which string, env Env) (*localInstance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var running []*localInstance
	for _, at := range l.instances {
		if which == at.name {
			return at, nil
		}
		running = append(running, at)
	}
	if which != "random" && which != "" {
		var names []string
		for _, at := range l.instances {
			names = append(names, at.name)
		}
		return nil, fmt.Errorf("local: there is no instance %s; there are %v", which, names)
	}
	return running[env.Rand.IntN(len(running))], nil
}

// stops are the signals that ask an instance to end.
var stops = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP,
}

// Two more signals, which ask nobody.
const (
	signalKill  = "KILL"
	signalPause = "STOP"
)

// graceTime is how long the end is waited for, before KILL follows, as platforms
// do.
const graceTime = 30 * time.Second

// pauseTime is how long STOP stops.
const pauseTime = 3 * time.Second

// localStop stops an instance and starts another in its place.
type localStop struct {
	plan.Local
	env Env
}

func newLocal(p plan.Local, env Env) (*localStop, error) {
	if env.Local == nil {
		return nil, errors.New("local: no event says which command to run as instances")
	}
	p.Signal = cmp.Or(p.Signal, "TERM")
	if stops[p.Signal] == 0 && p.Signal != signalKill && p.Signal != signalPause {
		return nil, fmt.Errorf("local: signal %q, allowed: TERM, INT, QUIT, HUP, KILL, STOP", p.Signal)
	}
	return &localStop{p, env}, nil
}

func (a *localStop) kind() string {
	switch a.Signal {
	case signalKill:
		return "kill"
	case signalPause:
		return "pause"
	}
	return "restart"
}

func (a *localStop) check(context.Context) error {
	_, err := a.env.Local.pick(a.Stop, a.env)
	return err
}

func (a *localStop) do(ctx context.Context, s *drill.Scene) error {
	at, err := a.env.Local.pick(a.Stop, a.env)
	if err != nil {
		return err
	}
	s.Target(at.name)
	s.Terminating()
	if a.Signal == signalPause {
		return a.pause(ctx, s, at)
	}
	if err := a.end(ctx, s, at); err != nil {
		return err
	}
	if err := a.env.Local.start(ctx, at); err != nil {
		return err
	}
	s.Ready()
	return nil
}

// end stops the process. One that has ended by itself is no error: the event is
// its return.
func (a *localStop) end(ctx context.Context, s *drill.Scene, at *localInstance) error {
	if signal := stops[a.Signal]; signal != 0 {
		if _, err := at.process.Signal(signal); err != nil && !errors.Is(err, fleet.ErrEnded) {
			return err
		}
		patience, cancel := context.WithTimeout(ctx, graceTime)
		defer cancel()
		if _, err := at.process.Wait(patience); err == nil || ctx.Err() != nil {
			return err
		}
	}
	s.Killed(at.name)
	if _, err := at.process.Kill(); err != nil && !errors.Is(err, fleet.ErrEnded) {
		return err
	}
	_, err := at.process.Wait(ctx)
	return err
}

func (a *localStop) pause(ctx context.Context, s *drill.Scene, at *localInstance) error {
	if _, err := at.process.Pause(); err != nil {
		return err
	}
	paused := pause(ctx, pauseTime)
	if _, err := at.process.Continue(); err != nil {
		return err
	}
	s.Ready()
	return paused
}
