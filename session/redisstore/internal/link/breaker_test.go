package link

import (
	"errors"
	"testing"
	"time"
)

// What every result does in every state, and who is admitted there.
func TestBreakerStates(t *testing.T) {
	const pause = time.Second
	now := time.Unix(1, 0)
	cause, later := errors.New("cause"), errors.New("later")

	// states, each with a ticket that was admitted in it and one from before.
	states := map[string]func() (b *breaker, current, stale ticket){
		"closed": func() (*breaker, ticket, ticket) {
			b := &breaker{epoch: 7}
			return b, ticket{epoch: 7}, ticket{epoch: 6}
		},
		"closed, one failure short": func() (*breaker, ticket, ticket) {
			b := &breaker{epoch: 7, fails: failureLimit - 1}
			return b, ticket{epoch: 7}, ticket{epoch: 6}
		},
		"open": func() (*breaker, ticket, ticket) {
			b := &breaker{state: open, epoch: 7, until: now.Add(pause), cause: cause}
			return b, ticket{}, ticket{epoch: 6}
		},
		"probing": func() (*breaker, ticket, ticket) {
			b := &breaker{state: open, epoch: 6, until: now, cause: cause}
			probe, _ := b.admit(now)
			return b, probe, ticket{epoch: 6}
		},
	}
	type row struct {
		state string
		o     outcome
		want  breakerState
		did   change
		cause error
	}
	for _, r := range []row{
		{"closed", answered, closed, unchanged, nil},
		{"closed", failed, closed, unchanged, nil},
		{"closed", refused, open, opened, later},
		{"closed", unsaid, closed, unchanged, nil},
		{"closed, one failure short", answered, closed, unchanged, nil},
		{"closed, one failure short", failed, open, opened, later},
		{"closed, one failure short", refused, open, opened, later},
		{"closed, one failure short", unsaid, closed, unchanged, nil},
		{"open", answered, open, unchanged, cause}, // no call is admitted here,
		{"open", failed, open, unchanged, cause},   // so every ticket is an old one
		{"open", refused, open, unchanged, cause},
		{"open", unsaid, open, unchanged, cause},
		{"probing", answered, closed, reclosed, nil},
		{"probing", failed, open, reopened, later},
		{"probing", refused, open, reopened, later},
		{"probing", unsaid, open, unchanged, cause},
	} {
		b, current, stale := states[r.state]()
		before := *b
		for _, o := range []outcome{answered, failed, refused, unsaid} {
			if did := b.done(stale, o, later, now, pause); did != unchanged || *b != before {
				t.Errorf("%s: outcome %d of an earlier call did %d and left %+v, want nothing", r.state, o, did, *b)
			}
		}
		did := b.done(current, r.o, later, now, pause)
		if did != r.did || b.state != r.want || !errors.Is(b.cause, r.cause) {
			t.Errorf("%s: outcome %d did %d and left %+v, want %d, state %d, cause %v", r.state, r.o, did, *b, r.did, r.want, r.cause)
		}
		if did != unchanged && b.epoch == before.epoch {
			t.Errorf("%s: outcome %d changed the state but not the epoch", r.state, r.o)
		}
	}
}

func TestBreakerAdmits(t *testing.T) {
	now := time.Unix(1, 0)
	for name, c := range map[string]struct {
		b     breaker
		pass  bool
		probe bool
		after time.Duration
	}{
		"closed":                    {breaker{}, true, false, 0},
		"closed with failures":      {breaker{fails: 4}, true, false, 0},
		"open, pause running":       {breaker{state: open, until: now.Add(time.Minute)}, false, false, time.Minute},
		"open, pause just over":     {breaker{state: open, until: now}, true, true, 0},
		"open, pause long over":     {breaker{state: open, until: now.Add(-time.Hour)}, true, true, 0},
		"probing":                   {breaker{state: probing}, false, false, time.Second},
		"probing, pause in the way": {breaker{state: probing, until: now.Add(time.Hour)}, false, false, time.Second},
	} {
		if got := c.b.refuses(now); got == c.pass {
			t.Errorf("%s: refuses is %v", name, got)
		}
		if got := c.b.retryAfter(now, time.Second); got != c.after {
			t.Errorf("%s: retry after %v, want %v", name, got, c.after)
		}
		ticket, ok := c.b.admit(now)
		if ok != c.pass || ticket.probe != c.probe {
			t.Errorf("%s: admitted %v as probe %v", name, ok, ticket.probe)
		}
		if _, again := c.b.admit(now); c.probe && again {
			t.Errorf("%s: a second probe is admitted", name)
		}
	}
}

func TestBreakerNeedsFailuresInARow(t *testing.T) {
	now, cause := time.Unix(1, 0), errors.New("cause")
	var b breaker
	for range 3 {
		for range failureLimit - 1 {
			k, _ := b.admit(now)
			b.done(k, failed, cause, now, time.Second)
		}
		k, _ := b.admit(now)
		b.done(k, answered, nil, now, time.Second)
	}
	if b.refuses(now) {
		t.Fatalf("it opened: %+v", b)
	}
}

// The probe of a caller who gives up does not block the way for ever.
func TestAnAbandonedProbeLeavesItsPlace(t *testing.T) {
	now := time.Unix(1, 0)
	b := breaker{state: open, until: now, cause: errors.New("cause")}
	k, _ := b.admit(now)
	b.done(k, unsaid, nil, now, time.Second)
	if next, ok := b.admit(now); !ok || !next.probe {
		t.Fatalf("the next call is not the probe: %+v", b)
	}
}
