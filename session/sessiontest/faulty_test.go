package sessiontest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// faultyStore is a store with a fault, and the checks that must reject it.
type faultyStore struct {
	name   string
	checks string
	fault  fault
}

var faulty = []faultyStore{
	{"does not count bytes", "start-then-load", commitMakes(func(_, next *record, _ change, _ time.Time) { next.Size = 0 })},
	{"requests re-create", "absent", fault{apply: recreates}},
	{"does not remember starts", "start-repeated", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.Start != nil {
			next.Writes = nil
		}
	})},
	{"start overwrites", "start-foreign", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if c.Start != nil && !c.Retry {
			rec = nil
		}
		return session.Apply(rec, c, now)
	}}},
	{"start forgets the sign-in", "start-signed-in", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.Start != nil {
			next.Principal = ""
		}
	})},
	{"opens to who knows the key", "key-opens-nothing", loadSees(func(rec *record, opt *session.LoadOptions, _ time.Time) {
		if len(opt.Verifiers) == 0 {
			opt.Verifiers = []session.Hash{rec.Verifier}
		}
	})},
	{"tries one verifier", "two-verifiers", loadSees(func(_ *record, opt *session.LoadOptions, _ time.Time) {
		opt.Verifiers = opt.Verifiers[:min(1, len(opt.Verifiers))]
	})},
	{"version is a counter", "versions", commitMakes(func(old, next *record, _ change, _ time.Time) { next.Version.N = old.Version.N + 1 })},
	{"reads lag behind", "read-your-writes", fault{load: behind}},

	{"applies half of a failing change", "half-failing", opByOp(true)},
	{"last writer of the whole session wins", "delta writers", fault{apply: blob}},
	{"clears last", "clear", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.Clear {
			next.Attributes, next.Size = nil, 0
		}
	})},
	{"ignores conditions", "expect compare-and-set", commitSees(eachOp(func(op *session.Op) { op.Expect = nil }))},
	{"checks conditions in between", "expect-before-ops", opByOp(false)},
	{"takes the logout out of a mixed change", "malformed", commitSees(func(_ *record, c *change, _ time.Time) {
		if c.Invalidate != "" {
			c.Ops = nil
		}
	})},

	{"returns no values", "counters tickets", answers(func(_ change, result *session.Result, _ *error) { clear(result.Values) })},
	{"counts in floats", "counter-edges", fault{apply: floats}},
	{"ignores the bound of a list", "lists", commitSees(eachOp(func(op *session.Op) { op.Max = 0 }))},
	{"set holds elements twice", "sets", commitSees(eachOp(func(op *session.Op) {
		if op.Kind == session.OpUnion {
			op.Kind = session.OpAppend
		}
	}))},
	{"elements end at a NUL", "elements", commitSees(eachOp(func(op *session.Op) {
		for i := range op.Elements {
			op.Elements[i], _, _ = bytes.Cut(op.Elements[i], []byte{0})
		}
	}))},
	{"merges replace other kinds", "kinds", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		next, result, err := session.Apply(rec, c, now)
		if errors.Is(err, session.ErrType) {
			c.Clear = true
			return session.Apply(rec, c, now)
		}
		return next, result, err
	}}},

	{"has no limits", "limits", commitSees(func(_ *record, c *change, _ time.Time) {
		c.Limits = session.Limits{AttributeBytes: math.MaxInt, SessionBytes: math.MaxInt, Attributes: math.MaxInt}
	})},
	{"has no default limits", "limits-defaults", commitSees(func(_ *record, c *change, _ time.Time) {
		if c.Limits == (session.Limits{}) {
			c.Limits = session.Limits{AttributeBytes: math.MaxInt, SessionBytes: math.MaxInt, Attributes: math.MaxInt}
		}
	})},
	{"checks limits in between", "limits-final-state", opByOp(false)},
	{"names have no case", "names", commitSees(eachOp(func(op *session.Op) { op.Name = strings.ToLower(op.Name) }))},

	{"applies retries again", "retry reply-lost", commitSees(func(rec *record, c *change, _ time.Time) { rec.Writes = nil })},
	{"looks for retries only where told so", "retry-unmarked", commitSees(func(rec *record, c *change, _ time.Time) {
		if !c.Retry {
			rec.Writes = slices.DeleteFunc(rec.Writes, func(w session.Write) bool { return w.ID == c.WriteID })
		}
	})},
	{"remembers one write", "retry-after-another", commitMakes(func(_, next *record, _ change, _ time.Time) {
		next.Writes = next.Writes[len(next.Writes)-1:]
	})},
	{"takes every retry for done", "retry-first reply-lost", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if c.Retry && rec != nil {
			return rec, session.Result{Version: rec.Version, Repeated: true, Values: make([]int64, len(c.Ops))}, nil
		}
		return session.Apply(rec, c, now)
	}}},
	{"applies retries that it cannot decide", "retry-undecidable", commitSees(func(_ *record, c *change, _ time.Time) { c.Retry = false })},
	{"is never late", "late", commitSees(func(_ *record, c *change, now time.Time) { c.NotAfter = now.Add(time.Hour) })},
	{"is late a moment too late", "late-edge", commitSees(func(_ *record, c *change, _ time.Time) { c.NotAfter = c.NotAfter.Add(time.Millisecond) })},
	{"forgets what it did once it is late", "late-retry", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if !now.Before(c.NotAfter) {
			return rec, session.Result{}, session.ErrLate{Now: now}
		}
		return session.Apply(rec, c, now)
	}}},

	{"renewal closes the old cookie at once", "renew", commitMakes(func(_, next *record, c change, _ time.Time) {
		for i := range next.Superseded {
			next.Superseded[i].Open = false
		}
	})},
	{"old cookies never lapse", "renew-then-lapse", loadSees(func(rec *record, _ *session.LoadOptions, _ time.Time) {
		for i := range rec.Superseded {
			rec.Superseded[i].Open = !rec.Superseded[i].SignIn
		}
	})},
	{"refuses requests from before a renewal", "renew-in-flight renew-twice", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if rec != nil && c.Generation < rec.Generation && c.Start == nil {
			return rec, session.Result{}, session.ErrSuperseded
		}
		return session.Apply(rec, c, now)
	}}},
	{"windows never close", "renew-window", commitSees(func(rec *record, _ *change, now time.Time) {
		for i := range rec.Superseded {
			rec.Superseded[i].CommitUntil = now.Add(time.Second)
		}
	})},
	{"each renewal counts", "renew-twice renewers", commitSees(func(rec *record, c *change, _ time.Time) {
		if c.Renew != nil {
			c.Generation = rec.Generation
		}
	})},
	{"a repeated renewal is another change", "renew-repeated", commitSees(func(rec *record, c *change, _ time.Time) {
		if c.Renew != nil && c.Generation < rec.Generation {
			c.Renew = nil
		}
	})},
	{"renewal forgets the writes", "renew-reply-lost", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.Renew != nil {
			next.Writes = nil
		}
	})},
	{"calls a renewed cookie valid", "renew-overtaken", answers(func(c change, result *session.Result, _ *error) {
		result.Renewed = result.Renewed || result.Repeated && c.Renew != nil
	})},
	{"knows no strict renewal", "renew-strict", commitSees(func(_ *record, c *change, _ time.Time) {
		if c.Renew != nil {
			c.Renew = &session.Renew{Verifier: c.Renew.Verifier}
		}
	})},
	{"keeps every generation", "renew-many", commitMakes(func(old, next *record, c change, _ time.Time) {
		if n := len(old.Superseded); c.Renew != nil && n >= session.MaxSuperseded {
			next.Superseded = append(next.Superseded, old.Superseded[n-1])
		}
	})},
	{"believes any newer generation", "generation-ahead", commitSees(func(rec *record, c *change, _ time.Time) {
		c.Generation = min(c.Generation, rec.Generation)
	})},

	{"old cookie survives the sign-in", "sign-in", commitMakes(func(_, next *record, _ change, _ time.Time) {
		for i := range next.Superseded {
			next.Superseded[i].Open = true
		}
	})},
	{"sign-ins are all alike", "sign-in-lasts", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.SignIn != nil {
			next.Persistent, next.Idle = false, idle
		}
	})},
	{"sign-in closes one cookie", "sign-in-closes-all", commitMakes(func(old, next *record, c change, _ time.Time) {
		if c.SignIn != nil && c.Renew != nil {
			copy(next.Superseded[1:], old.Superseded)
		}
	})},
	{"late superseded request is accepted after a sign-in", "sign-in-fence sign-in-writers", commitSees(eachEntry(func(s *session.Superseded) { s.Fenced = nil }))},
	{"clear does not fence", "sign-in-fence-clear", commitSees(eachEntry(func(s *session.Superseded) {
		s.Fenced = slices.DeleteFunc(s.Fenced, func(name string) bool { return name == session.FencedAll })
	}))},
	{"looks at the last renewal only", "sign-in-fence-far", commitSees(func(rec *record, c *change, _ time.Time) {
		c.Generation = max(c.Generation, rec.Generation-1)
	})},
	{"privileged is a word", "sign-in-privileged", commitSees(eachOp(func(op *session.Op) { op.Privileged = false }))},
	{"outdated pages sign in", "sign-in-superseded", commitSees(func(rec *record, c *change, _ time.Time) {
		if c.SignIn != nil {
			c.Generation = rec.Generation
		}
	})},
	{"anonymous logout ends the login", "sign-in-logout", commitSees(func(rec *record, c *change, _ time.Time) {
		if c.Invalidate != "" {
			c.Generation = rec.Generation
		}
	})},
	{"refuses its own user", "sign-in-again", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if rec != nil && c.SignIn != nil && rec.Principal != "" {
			return rec, session.Result{}, session.ErrPrincipal
		}
		return session.Apply(rec, c, now)
	}}},
	{"sign-in is not remembered", "sign-in-repeated", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.SignIn != nil {
			next.Writes = nil
		}
	})},
	{"attributes cross to the next user", "change-of-user", commitSees(func(rec *record, _ *change, _ time.Time) { rec.Principal = "" })},

	{"invalidated is not found", "logout", fault{open: func(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
		view, updated, err = session.Open(rec, opt, now)
		if errors.As(err, new(session.ErrGone)) {
			err = session.ErrNotFound
		}
		return view, updated, err
	}}},
	{"writes resurrect after a logout", "logout-commits logout-writers", commitSees(func(rec *record, c *change, _ time.Time) {
		if c.Invalidate == "" && c.Start == nil {
			rec.Gone = ""
		}
	})},
	{"logout is not remembered", "logout-repeated", commitMakes(func(old, next *record, c change, _ time.Time) {
		if c.Invalidate != "" {
			next.Writes = old.Writes
		}
	})},
	{"logout forgets the writes", "logout-retries", commitMakes(func(_, next *record, c change, _ time.Time) {
		if c.Invalidate != "" {
			next.Writes = next.Writes[len(next.Writes)-1:]
		}
	})},
	{"tombstones last a moment", "tombstone-life", forgets(func(rec *record, now time.Time) bool {
		return rec.Gone != "" && now.Sub(time.UnixMilli(rec.Version.N)) > 10*time.Second
	})},

	{"reads ignore expiry", "idle", loadSees(func(rec *record, _ *session.LoadOptions, now time.Time) { rec.Accessed = now })},
	{"commits ignore expiry", "idle-commits", commitSees(func(rec *record, _ *change, now time.Time) { rec.Accessed = now })},
	{"expired sessions block a start", "idle-start", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if c.Start != nil && rec != nil {
			return rec, session.Result{}, session.ErrExists
		}
		return session.Apply(rec, c, now)
	}}},
	{"each load is a write", "touch", fault{open: func(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
		view, updated, err = session.Open(rec, opt, now)
		if err == nil {
			view.Accessed, view.Version.N = now, view.Version.N+1
			updated = view.Clone()
		}
		return view, updated, err
	}}},
	{"commits are no access", "touch-commit", commitSees(func(_ *record, c *change, _ time.Time) { c.Passive = true })},
	{"polling extends", "passive", loadSees(func(_ *record, opt *session.LoadOptions, _ time.Time) { opt.Passive = false })},
	{"every session is confirmed", "unconfirmed", commitMakes(func(_, next *record, c change, now time.Time) { next.Accessed = now })},
	{"passive loads confirm nothing", "confirmed", fault{open: func(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
		view, updated, err = session.Open(rec, opt, now)
		if err == nil && opt.Passive && rec.Accessed.IsZero() {
			view.Accessed, updated = time.Time{}, nil
		}
		return view, updated, err
	}}},
	{"renewal moves the absolute limit", "absolute", commitMakes(func(_, next *record, c change, now time.Time) {
		if c.Renew != nil && c.SignIn == nil && !next.Absolute.IsZero() {
			next.Absolute = now.Add(2 * time.Hour)
		}
	})},

	{"version goes back with the clock", "clock-back-versions", commitMakes(func(_, next *record, _ change, now time.Time) { next.Version.N = now.UnixMilli() })},
	{"access goes back with the clock", "clock-back-accessed", commitMakes(func(old, next *record, _ change, now time.Time) {
		if !old.Accessed.IsZero() {
			next.Accessed = now
		}
	})},
	{"windows re-open when the clock steps back", "clock-back-windows", fault{apply: reopensCommit, open: reopensLoad}},
	{"tombstones of the future do not count", "clock-back-tombstone", forgets(func(rec *record, now time.Time) bool {
		return rec.Gone != "" && rec.Version.N > now.UnixMilli()
	})},

	{"returns its own maps", "returned-copies", fault{load: shared}},
	{"keeps the caller's bytes", "passed-copies", fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		next, result, err := session.Apply(rec, c, now)
		for _, op := range c.Ops {
			if err == nil && op.Kind == session.OpSet {
				next.Attributes[op.Name] = op.Value
			}
		}
		return next, result, err
	}}},
	{"write IDs of all sessions are one", "two-sessions", fault{apply: func(f *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		for _, other := range f.records {
			if slices.ContainsFunc(other.Writes, func(w session.Write) bool { return w.ID == c.WriteID }) {
				return rec, session.Result{Repeated: true}, nil
			}
		}
		return session.Apply(rec, c, now)
	}}},

	{"an unknown format is absent", "unknown-format", forgets(func(rec *record, _ time.Time) bool { return rec.Format != session.Format })},
	{"unreachable is absent", "unreachable", fault{load: func(f *fake, ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error) {
		rec, err := f.rightLoad(ctx, key, opt)
		if errors.Is(err, context.Canceled) {
			err = session.ErrNotFound
		}
		return rec, err
	}}},

	{"reads, then writes", "writers tickets appenders compare-and-set renew-writers renewers starters", fault{commit: racy}},
	{"shows half of a commit", "readers", fault{commit: torn}},
}

func eachOp(f func(*session.Op)) func(*record, *change, time.Time) {
	return func(_ *record, c *change, _ time.Time) {
		c.Ops = slices.Clone(c.Ops)
		for i := range c.Ops {
			c.Ops[i].Elements = slices.Clone(c.Ops[i].Elements)
			f(&c.Ops[i])
		}
	}
}

func eachEntry(f func(*session.Superseded)) func(*record, *change, time.Time) {
	return func(rec *record, _ *change, _ time.Time) {
		for i := range rec.Superseded {
			f(&rec.Superseded[i])
		}
	}
}

// recreates makes a session of every change that finds none.
func recreates(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
	if rec == nil && c.Start == nil {
		c.Start = &session.Start{Verifier: session.Hash{1}, Idle: idle}
		c.Renew, c.Invalidate = nil, ""
	}
	return session.Apply(rec, c, now)
}

// floats adds as a scripting language without integers does.
func floats(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
	next, result, err := session.Apply(rec, c, now)
	if err != nil || rec == nil || result.Repeated {
		return next, result, err
	}
	next.Attributes = maps.Clone(next.Attributes)
	for i, op := range c.Ops {
		if op.Kind == session.OpAdd {
			sum := int64(float64(result.Values[i]-op.N) + float64(op.N))
			result.Values[i], next.Attributes[op.Name] = sum, strconv.AppendInt(nil, sum, 10)
		}
	}
	return next, result, nil
}

// reopen makes every window that has not ended one that is open.
func reopen(rec *record, now time.Time) *record {
	return with(rec, func(r *record) {
		for i := range r.Superseded {
			for _, end := range []*time.Time{&r.Superseded[i].LoadUntil, &r.Superseded[i].CommitUntil} {
				if far := now.Add(session.RenewalGrace); end.After(far) {
					*end = far
				}
			}
		}
	})
}

func reopensCommit(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
	return session.Apply(reopen(rec, now), c, now)
}

func reopensLoad(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
	return session.Open(reopen(rec, now), opt, now)
}
