package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// race is one kind of trial.
type race struct {
	name     string
	handler  time.Duration // of each writer, in writers
	inFlight string        // "set" or "read", in logout
	// many trials of each of our three modes make more than 4,000 acknowledged
	// changes in all.
	many int
	run  func(context.Context, race, *trial) error
}

var races = []race{
	{name: "writers", many: 70, run: writers},
	{name: "writers", handler: 5 * time.Millisecond, many: 70, run: writers},
	{name: "reader", many: 1400, run: reader},
	{name: "logout", inFlight: "set", many: 1400, run: logout},
	{name: "logout", inFlight: "read", many: 1400, run: logout},
	{name: "renewal", many: 140, run: renewal},
}

// tally sums the trials of one race with one library.
type tally struct {
	Library   string `json:"library"`
	Race      string `json:"race"`
	HandlerMS int64  `json:"handler_ms"`
	// InFlight is what a logout met: "set" or "read".
	InFlight string `json:"in_flight,omitempty"`
	Trials   int    `json:"trials"`
	Sent     int    `json:"sent"`  // writes; of logout, logouts
	Acked    int    `json:"acked"` // of these, answered 204
	Lost     int    `json:"lost"`  // of these, not there afterwards; of logout, undone
	// Of renewal: trials after which the old cookie opens the session with
	// its attributes, and in which the browser was left with it.
	OldAlive int `json:"old_id_alive,omitempty"`
	OnOld    int `json:"browser_on_old_cookie,omitempty"`
}

func (t tally) bad() int { return t.Lost + t.OldAlive + t.OnOld }

func (t tally) title() string {
	switch {
	case t.InFlight != "":
		return t.Race + "/" + t.InFlight
	case t.Race == "writers":
		return fmt.Sprintf("%s/%dms", t.Race, t.HandlerMS)
	}
	return t.Race
}

// trial is one run of a race.
type trial struct {
	*tally
	*browser
	s    *service
	name string // of the user, and of holds; unique in the service
}

// trials is how many a library takes part in.
func (r race) trials(lib library, trials int) int {
	if lib.many {
		return max(trials, r.many)
	}
	return trials
}

// raceAll runs all races with all libraries, in turn, trials times or as often
// as race.trials says.
func raceAll(ctx context.Context, e environment, libs []library, trials int) (out []tally, err error) {
	var services []*service
	defer func() {
		for _, s := range services {
			err = errors.Join(err, s.close())
		}
	}()
	for _, lib := range libs {
		s, err := startService(ctx, lib, e)
		if err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	client := newClient()
	defer client.CloseIdleConnections()
	tallies := map[string]*tally{}
	most := trials
	for _, r := range races {
		for _, lib := range libs {
			most = max(most, r.trials(lib, trials))
		}
	}
	for i := range most {
		for k, r := range races {
			for _, s := range services {
				if i >= r.trials(s.library, trials) || r.name == "renewal" && !s.renews {
					continue
				}
				id := fmt.Sprintf("%s-%d", s.name, k)
				if tallies[id] == nil {
					tallies[id] = &tally{Library: s.name, Race: r.name, HandlerMS: r.handler.Milliseconds(), InFlight: r.inFlight}
				}
				t := &trial{tallies[id], newBrowser(client), s, fmt.Sprintf("%s-%d-%d", s.name, k, i)}
				t.Trials++
				if err := r.run(ctx, r, t); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", s.name, t.title(), err)
				}
			}
		}
	}
	for _, s := range services {
		for k := range races {
			if t := tallies[fmt.Sprintf("%s-%d", s.name, k)]; t != nil {
				out = append(out, *t)
			}
		}
	}
	return out, nil
}

// login gives the trial a session with a user.
func (t *trial) login(ctx context.Context) error {
	return t.do(ctx, t.s.urls[0], "login?u="+t.name)
}

func writers(ctx context.Context, r race, t *trial) error {
	if err := t.login(ctx); err != nil {
		return err
	}
	acked := t.acks(attributes)
	var wait sync.WaitGroup
	for i := range attributes {
		wait.Go(func() {
			acked.post(ctx, i, fmt.Sprintf("set?k=%s&wait=%s", attribute(i), r.handler))
		})
	}
	wait.Wait()
	st, err := t.state(ctx, t.s.urls[0])
	if err != nil {
		return err
	}
	t.Sent += attributes
	t.Acked += len(acked.keys)
	t.Lost += st.lacking(acked.keys)
	return acked.failed
}

// acks collects what concurrent writes were answered.
type acks struct {
	t      *trial
	mu     sync.Mutex
	keys   []string // that were answered 204
	failed error    // of requests without an answer
}

func (t *trial) acks(n int) *acks { return &acks{t: t, keys: make([]string, 0, n)} }

// post writes attribute i, on either instance in turn.
func (a *acks) post(ctx context.Context, i int, call string) {
	status, _, err := a.t.post(ctx, a.t.s.urls[i%2], call)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = errors.Join(a.failed, err)
	if status == http.StatusNoContent {
		a.keys = append(a.keys, attribute(i))
	}
}

// held starts a call that is held after its load, and waits until it has got
// there. end lets it go on, and returns when it was answered.
func (t *trial) held(ctx context.Context, url, call string) (end func() error, err error) {
	h := t.s.holds.add(t.name)
	done := make(chan error, 1)
	go func() {
		_, _, err := t.post(ctx, url, call+"hold="+h.name)
		done <- err
	}()
	select {
	case <-h.arrived:
	case err := <-done:
		return nil, errors.Join(errors.New("a held request was answered"), err)
	}
	return func() error {
		close(h.release)
		return <-done
	}, nil
}

func reader(ctx context.Context, _ race, t *trial) error {
	if err := t.login(ctx); err != nil {
		return err
	}
	end, err := t.held(ctx, t.s.urls[1], "read?")
	if err != nil {
		return err
	}
	err = t.do(ctx, t.s.urls[0], "set?k="+attribute(0))
	if err := errors.Join(err, end()); err != nil {
		return err
	}
	st, err := t.state(ctx, t.s.urls[0])
	t.Sent++
	t.Acked++
	t.Lost += st.lacking([]string{attribute(0)})
	return err
}

func logout(ctx context.Context, r race, t *trial) error {
	if err := t.login(ctx); err != nil {
		return err
	}
	old := t.cookies()
	end, err := t.held(ctx, t.s.urls[1], r.inFlight+"?k="+attribute(0)+"&")
	if err != nil {
		return err
	}
	err = t.do(ctx, t.s.urls[0], "logout")
	if err := errors.Join(err, end()); err != nil {
		return err
	}
	st, err := t.with(old).state(ctx, t.s.urls[0])
	t.Sent++
	t.Acked++
	if st.user != "" {
		t.Lost++
	}
	return err
}

// with is another browser, with these cookies.
func (t *trial) with(cookies map[string]string) *browser {
	return &browser{client: t.client, jar: maps.Clone(cookies)}
}

// inFlightAtRenewal are the writers that a renewal meets.
const inFlightAtRenewal = 10

func renewal(ctx context.Context, _ race, t *trial) error {
	if err := t.do(ctx, t.s.urls[0], "set?k="+attribute(attributes-1)); err != nil {
		return err
	}
	old := t.cookies()
	var held []*hold
	acked := t.acks(inFlightAtRenewal)
	var wait sync.WaitGroup
	for i := range inFlightAtRenewal {
		h := t.s.holds.add(fmt.Sprintf("%s-%d", t.name, i))
		held = append(held, h)
		wait.Go(func() { acked.post(ctx, i, "set?k="+attribute(i)+"&hold="+h.name) })
	}
	for _, h := range held {
		select {
		case <-h.arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := t.login(ctx)
	renewed := t.cookies()
	for _, h := range held {
		close(h.release)
	}
	wait.Wait()
	if err := errors.Join(err, acked.failed); err != nil {
		return err
	}
	now, err := t.with(renewed).state(ctx, t.s.urls[0])
	if err != nil {
		return err
	}
	before, err := t.with(old).state(ctx, t.s.urls[0])
	t.Sent += inFlightAtRenewal
	t.Acked += len(acked.keys)
	t.Lost += now.lacking(acked.keys)
	if len(before.keys) > 0 || before.user != "" {
		t.OldAlive++
	}
	if maps.Equal(t.cookies(), old) {
		t.OnOld++
	}
	return err
}
