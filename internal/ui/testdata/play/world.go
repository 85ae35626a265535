package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/ui"
)

const (
	step  = 100 * time.Millisecond
	users = 200
	bound = 10 // of the queue
)

var strategies = []ui.Strategy{
	{Name: "memory", Sentence: "Each replica keeps its own sessions, and the balancer takes turns.", Loses: "everybody's sign-in, whenever another replica answers."},
	{Name: "sticky", Sentence: "Each replica keeps its own sessions, and the balancer sends people back to the replica they know.", Loses: "sign-ins and carts of whoever was on a replica that leaves."},
	{Name: "shared", Sentence: "Sessions live in a shared store, loaded and saved as a whole.", Loses: "changes, when two requests of one person overlap."},
	{Name: "evenkeel", Sentence: "Sessions live outside the replicas, a request changes only what it touched, and a replica that leaves finishes first.", Loses: "nothing; only a request inside a replica that is killed fails."},
}

// world is an invented shop with invented people. It is safe for concurrent
// use.
type world struct {
	mu       sync.Mutex
	s        ui.State
	now      time.Duration
	replicas []*replica
	queue    []string
	next     int // number of a replica
	quiet    int // steps until the next event
}

type replica struct {
	ui.Replica
	left int // steps in the present state; -1 is for ever
}

func newWorld(strategy string) *world {
	w := &world{}
	if w.Switch(strategy) != nil {
		strategy = strategies[0].Name
		w.begin(strategies[0], 1)
	}
	return w
}

func (w *world) begin(s ui.Strategy, run int) {
	w.s = ui.State{Strategy: s, Strategies: strategies, Good: true}
	w.s.Run, w.s.Phase, w.s.Users = run, ui.Starting, users
	w.now, w.replicas, w.queue, w.next, w.quiet = 0, nil, nil, 0, 50
	for range 3 {
		w.add()
	}
}

func (w *world) add() {
	w.next++
	w.replicas = append(w.replicas, &replica{ui.Replica{Name: fmt.Sprintf("shop-%d", w.next), State: ui.ReplicaStarting}, 8 + rand.IntN(8)})
}

func (w *world) run(ctx context.Context) {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.advance()
		}
	}
}

func (w *world) in(state ui.ReplicaState) []*replica {
	return slices.DeleteFunc(slices.Clone(w.replicas), func(r *replica) bool { return r.State != state })
}

func (w *world) advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.age()
	serving := w.in(ui.ReplicaServing)
	if w.s.Phase == ui.Starting {
		if len(serving) < 3 {
			return
		}
		w.s.Phase = ui.Control
	}
	w.now += step
	if w.now > 5*time.Second {
		w.s.Phase = ui.Running
	}
	w.s.Elapsed = ui.Seconds(w.now)
	w.load(serving)
	if w.quiet--; w.s.Phase == ui.Running && (w.quiet <= 0 || len(w.queue) > 0 && w.quiet < 25) {
		w.quiet = 45
		w.event()
	}
}

// age moves replicas through their states.
func (w *world) age() {
	for _, r := range w.replicas {
		if r.left > 0 {
			r.left--
		}
		if r.State == ui.ReplicaDraining {
			r.InFlight = max(0, r.InFlight-rand.IntN(3))
			r.Bound = r.Bound * 8 / 10
		}
		if r.left == 0 && r.State == ui.ReplicaStarting {
			r.State, r.left = ui.ReplicaServing, -1
		}
	}
	w.replicas = slices.DeleteFunc(w.replicas, func(r *replica) bool {
		return r.left == 0 && (r.State == ui.ReplicaDraining || r.State == ui.ReplicaKilled)
	})
	for i := range w.s.Events {
		e := &w.s.Events[i]
		if !e.Over && w.now-time.Duration(e.At) > 2*time.Second {
			e.Over = true
			e.Text = done(*e)
		}
	}
}

func (w *world) load(serving []*replica) {
	w.s.P50, w.s.P99 = jitter(3*time.Millisecond), jitter(18*time.Millisecond)
	if w.quiet > 35 {
		w.s.P99 += jitter(60 * time.Millisecond)
	}
	w.s.SignedIn = min(users, w.s.SignedIn+8)
	if w.s.SignedIn == users {
		w.s.SignedIn -= rand.IntN(4)
	}
	for _, r := range serving {
		n := 38/len(serving) + rand.IntN(6)
		r.Served += n
		w.s.Sent += n
		r.InFlight = 1 + rand.IntN(6)
		if w.s.Strategy.Name == "sticky" {
			r.Bound = max(0, r.Bound+(users/len(serving)-r.Bound)/6)
		}
	}
	if w.s.Strategy.Name == "memory" {
		w.s.Lost += rand.IntN(30)
	}
	if w.s.Strategy.Name == "shared" && rand.IntN(5) == 0 {
		w.s.Undone++
	}
	w.judge()
}

func jitter(d time.Duration) ui.Millis { return ui.Millis(d*8/10 + rand.N(d*4/10)) }

func (w *world) judge() {
	w.s.Good = w.s.Lost+w.s.Undone == 0 && w.s.Failed == w.s.AtKills
	w.s.Verdict = "so far nothing was lost"
	switch {
	case w.s.Lost > 0:
		w.s.Verdict = fmt.Sprintf("%d sign-ins were lost", w.s.Lost)
	case w.s.Undone > 0:
		w.s.Verdict = fmt.Sprintf("%d changes were undone", w.s.Undone)
	case !w.s.Good:
		w.s.Verdict = fmt.Sprintf("%d requests failed", w.s.Failed-w.s.AtKills)
	}
	w.s.Note = ""
	if w.now%(90*time.Second) > 80*time.Second {
		w.s.Note = "This machine is too busy to judge: what fails now may be its own fault."
	}
}

var kinds = []string{ui.ScaleOut, ui.Kill, ui.ScaleIn, ui.RollingRestart}

func (w *world) event() {
	kind := kinds[len(w.s.Events)%len(kinds)]
	if len(w.queue) > 0 {
		kind, w.queue = w.queue[0], w.queue[1:]
	}
	serving := w.in(ui.ReplicaServing)
	e := ui.Event{ID: len(w.s.Events) + 1, At: ui.Seconds(w.now), Kind: kind}
	victim := serving[rand.IntN(len(serving))]
	switch {
	case kind == ui.ScaleOut || kind == ui.ScaleIn && len(serving) <= 2:
		e.Kind, e.Text = ui.ScaleOut, "a replica is being added"
		w.add()
		e.Target = w.replicas[len(w.replicas)-1].Name
	case kind == ui.ScaleIn:
		e.Text, e.Target = victim.Name+" is being taken away", victim.Name
		w.leave(victim)
	case kind == ui.Kill:
		e.Text, e.Target = victim.Name+" is killed without warning", victim.Name
		w.kill(victim)
		w.add()
	default:
		e.Text = "all replicas are being restarted"
		for _, r := range serving {
			w.add()
			w.leave(r)
		}
	}
	w.s.Events = append(w.s.Events, e)
}

func done(e ui.Event) string {
	switch e.Kind {
	case ui.ScaleOut:
		return e.Target + " was added"
	case ui.ScaleIn:
		return e.Target + " was taken away (1.8 s)"
	case ui.Kill:
		return e.Target + " was killed without warning; another took its place"
	default:
		return "all replicas were restarted (2.0 s)"
	}
}

func (w *world) leave(r *replica) {
	if w.s.Strategy.Name != "evenkeel" {
		w.kill(r)
		return
	}
	r.State, r.left, r.InFlight, r.Streams = ui.ReplicaDraining, 12+rand.IntN(12), 8+rand.IntN(8), 2
}

func (w *world) kill(r *replica) {
	r.State, r.left = ui.ReplicaKilled, 10
	w.s.Failed += r.InFlight
	if w.s.Strategy.Name == "evenkeel" {
		w.s.Failed -= r.InFlight * 3 / 4
		w.s.AtKills = w.s.Failed
	}
	if w.s.Strategy.Name == "sticky" {
		w.s.Lost += r.Bound
		w.s.SignedIn -= r.Bound
	}
	r.InFlight, r.Bound = 0, 0
}

func (w *world) State() ui.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.s
	s.Events = slices.Clone(w.s.Events)
	for _, r := range w.replicas {
		s.Replicas = append(s.Replicas, r.Replica)
	}
	s.Queue = ui.Queue{Length: len(w.queue), Bound: bound}
	return s
}

func (w *world) Do(action string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) >= bound {
		return len(w.queue), ui.ErrBusy
	}
	w.queue = append(w.queue, action)
	return len(w.queue), nil
}

func (w *world) Switch(strategy string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range strategies {
		if s.Name == strategy {
			w.begin(s, w.s.Run+1)
			return nil
		}
	}
	return ui.ErrUnknown
}

// pick is the replica that answers a visitor who last used the one named.
func (w *world) pick(last string) (name string, outside bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	serving := w.in(ui.ReplicaServing)
	if len(serving) == 0 {
		return "", false
	}
	outside = w.s.Strategy.Name == "evenkeel" || w.s.Strategy.Name == "shared"
	for _, r := range serving {
		if r.Name == last && w.s.Strategy.Name == "sticky" {
			return last, outside
		}
	}
	return serving[rand.IntN(len(serving))].Name, outside
}
