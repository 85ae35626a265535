package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/demo/shop"
	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/fleet"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/ui"
)

// Sizes and times of the shop's deployment.
const (
	group      = "shop"
	atFirst    = 4 // replicas
	fewest     = 3
	most       = 6
	startWait  = 20 * time.Second // for a replica to be ready
	leaveGrace = 12 * time.Second // from SIGTERM to SIGKILL
	// orchestratorNotices is how long a dead process is still in the
	// balancer's table, about as with a kubelet that has to report first.
	orchestratorNotices = time.Second
)

// replicas are the shop's processes and their places behind the gateway.
type replicas struct {
	gw       *gateway.Gateway
	fleet    *fleet.Fleet
	strategy Strategy
	config   shop.Config // of each replica, but for Name and Address

	mu     sync.Mutex
	rand   *rand.Rand
	list   []*replica
	served map[string]int // answers by replica
	next   int
}

// replica is one process.
type replica struct {
	name    string
	process *fleet.Instance
	doing   ui.ReplicaState
}

// start brings up one more replica and waits until it has traffic.
func (rs *replicas) start(ctx context.Context) (*replica, error) {
	rs.mu.Lock()
	rs.next++
	r := &replica{name: fmt.Sprintf("shop-%d", rs.next), doing: ui.ReplicaStarting}
	rs.list = append(rs.list, r)
	rs.mu.Unlock()
	if err := rs.launch(ctx, r); err != nil {
		return nil, fmt.Errorf("start %s: %w", r.name, errors.Join(err, rs.discard(ctx, r)))
	}
	rs.set(r, ui.ReplicaServing)
	return r, nil
}

// discard takes back all of a replica that did not come up.
func (rs *replicas) discard(ctx context.Context, r *replica) error {
	rs.forget(r)
	var errs []error
	if err := rs.gw.Deregister(group, r.name); !errors.Is(err, gateway.ErrUnknownTarget) {
		errs = append(errs, err)
	}
	if r.process != nil && ctx.Err() == nil { // at the end of the run the stage does it
		if _, err := r.process.Kill(); !errors.Is(err, fleet.ErrEnded) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// launch starts the process on a listener that is open already, so that no
// other process can take its port.
func (rs *replicas) launch(ctx context.Context, r *replica) error {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	address := l.Addr().String()
	f, err := l.File()
	if err = errors.Join(err, l.Close()); err != nil {
		return err
	}
	err = rs.startProcess(r, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if _, err := r.process.WaitReady(ctx, "http://"+address+shop.ReadyPath); err != nil {
		return err
	}
	if err := rs.gw.Register(group, target.Target{ID: r.name, Address: address, Incarnation: r.name}); err != nil {
		return err
	}
	return rs.waitHealthy(ctx, r)
}

func (rs *replicas) startProcess(r *replica, listener *os.File) error {
	cfg := rs.config
	cfg.Name = r.name
	raw, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r.process, err = rs.fleet.Start(fleet.Command{
		Name: r.name, Path: self, Args: []string{"demo-replica"},
		Env:   []string{shop.Environment + "=" + string(raw)},
		Files: []*os.File{listener},
	})
	return err
}

// waitHealthy returns when the gateway's own check has found the replica.
func (rs *replicas) waitHealthy(ctx context.Context, r *replica) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		targets, err := rs.gw.Targets(group)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(targets, func(t gateway.TargetStatus) bool { return t.ID == r.name && t.State == target.Healthy }) {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.process.Exited():
			return errors.New("the process ended before the gateway found it healthy")
		case <-ctx.Done():
			return fmt.Errorf("the gateway does not find it healthy: %w", ctx.Err())
		}
	}
}

func (rs *replicas) set(r *replica, d ui.ReplicaState) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.doing = d
}

func (rs *replicas) forget(r *replica) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.list = slices.DeleteFunc(rs.list, func(x *replica) bool { return x == r })
}

// answered counts an answer of a replica; the drill calls it for each.
func (rs *replicas) answered(name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.served[name]++
}

// victim picks a serving replica: the preferred one if it is serving, else one
// with traffic if there is one.
func (rs *replicas) victim(prefer string) (*replica, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var all, busy []*replica
	for _, r := range rs.list {
		if r.doing != ui.ReplicaServing {
			continue
		}
		if r.name == prefer {
			return r, nil
		}
		all = append(all, r)
		if rs.served[r.name] > 0 {
			busy = append(busy, r)
		}
	}
	if len(busy) > 0 {
		all = busy
	}
	if len(all) == 0 {
		return nil, errors.New("no replica is serving")
	}
	return all[rs.rand.IntN(len(all))], nil
}

func (rs *replicas) serving() []*replica {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rs.list), func(r *replica) bool { return r.doing != ui.ReplicaServing })
}

// leave takes a replica away as the strategy does it.
func (rs *replicas) leave(ctx context.Context, s *drill.Scene, r *replica, order leaveOrder) error {
	if !rs.strategy.Drained {
		return rs.kill(ctx, s, r)
	}
	defer rs.forget(r)
	rs.set(r, ui.ReplicaDraining)
	s.Terminating()
	if err := order(ctx, s, rs.gw, r); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

// leaveOrder is the order in which balancer and process learn of a departure.
type leaveOrder func(ctx context.Context, s *drill.Scene, gw *gateway.Gateway, r *replica) error

// balancerFirst empties the target and only then tells the process, as ECS
// does with a service behind a load balancer.
func balancerFirst(ctx context.Context, s *drill.Scene, gw *gateway.Gateway, r *replica) error {
	if _, err := gw.DeregisterAndWait(ctx, group, r.name); err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err()) // it is not empty yet
	}
	return r.stop(ctx, s)
}

// stop sends SIGTERM and waits for the process to end by itself; it is killed
// and reported if it does not within leaveGrace.
func (r *replica) stop(ctx context.Context, s *drill.Scene) error {
	if _, err := r.process.Terminate(); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, leaveGrace)
	defer cancel()
	exit, err := r.process.Wait(waiting)
	if ctx.Err() != nil {
		return err // the run is ending; the stage ends the process, after the users
	}
	if err != nil {
		s.Killed(r.name)
		_, kerr := r.process.Kill()
		return errors.Join(err, kerr)
	}
	if exit.Code != 0 {
		return fmt.Errorf("left with code %d: %s", exit.Code, r.process.Output())
	}
	return nil
}

// bothAtOnce tells the balancer and the process in the same moment, as
// Kubernetes does: the process goes on serving while it withdraws.
func bothAtOnce(ctx context.Context, s *drill.Scene, gw *gateway.Gateway, r *replica) error {
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop(ctx, s) }()
	_, err := gw.DeregisterAndWait(ctx, group, r.name)
	return errors.Join(err, <-stopped)
}

// kill ends a replica without warning. The balancer has to cope by itself
// until the orchestrator notices and takes the place away.
func (rs *replicas) kill(ctx context.Context, s *drill.Scene, r *replica) error {
	defer rs.forget(r)
	rs.set(r, ui.ReplicaKilled)
	s.Terminating()
	s.Killed(r.name)
	if _, err := r.process.Kill(); err != nil {
		return errors.Join(fmt.Errorf("kill %s: %w", r.name, err), rs.gw.Deregister(group, r.name))
	}
	if _, err := r.process.Wait(ctx); err != nil {
		return errors.Join(fmt.Errorf("kill %s: %w", r.name, err), rs.gw.Deregister(group, r.name))
	}
	select {
	case <-time.After(orchestratorNotices):
	case <-ctx.Done():
	}
	return rs.gw.Deregister(group, r.name)
}

// states are the replicas as the page shows them.
func (rs *replicas) states() []ui.Replica {
	targets, err := rs.gw.Targets(group)
	if err != nil {
		return nil // the group is there as long as the gateway
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var out []ui.Replica
	for _, r := range rs.list {
		s := ui.Replica{Name: r.name, State: r.doing, Served: rs.served[r.name]}
		if i := slices.IndexFunc(targets, func(t gateway.TargetStatus) bool { return t.ID == r.name }); i >= 0 {
			s.InFlight, s.Streams, s.Bound = targets[i].InFlight, targets[i].Streams, targets[i].BoundSessions
		}
		out = append(out, s)
	}
	return out
}

// views are the same for the terminal.
func (rs *replicas) views() []replicaView {
	var out []replicaView
	for _, s := range rs.states() {
		doing := string(s.State)
		if s.State == ui.ReplicaDraining {
			doing = "finishing"
		}
		out = append(out, replicaView{name: s.Name, doing: doing, inFlight: s.InFlight, served: s.Served})
	}
	return out
}
