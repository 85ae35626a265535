package sessiontest

import (
	"context"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// record and change are short for the signatures below.
type (
	record = session.Record
	change = session.Change
)

// fault is what is wrong with a fake store. Each function stands in for the
// right one; nil is the right one.
type fault struct {
	apply  func(f *fake, rec *record, c change, now time.Time) (*record, session.Result, error)
	open   func(f *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error)
	commit func(f *fake, ctx context.Context, key session.Key, c change) (session.Result, error)
	load   func(f *fake, ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error)

	directory directoryFault
}

// fake is a store that is right unless it has a fault.
type fake struct {
	fault fault
	now   func() time.Time

	mu      sync.Mutex
	records map[session.Key]*record
	past    map[session.Version]*record // every state there ever was
	signed  []signing                   // every sign-in there ever was
	loads   atomic.Int64
	commits atomic.Int64
}

func newFake(f fault) (*fake, Harness) {
	clock := NewClock()
	s := &fake{fault: f, now: clock.Now, records: map[session.Key]*record{}, past: map[session.Version]*record{}}
	return s, Harness{Store: s, Clock: clock, SetFormat: func(_ context.Context, key session.Key, format int) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.records[key] = with(s.records[key], func(r *record) { r.Format = format })
		return nil
	}}
}

func (f *fake) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error) {
	f.loads.Add(1)
	if f.fault.load != nil {
		return f.fault.load(f, ctx, key, opt)
	}
	return f.rightLoad(ctx, key, opt)
}

func (f *fake) rightLoad(ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	open := session.Open
	if f.fault.open != nil {
		open = func(rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
			return f.fault.open(f, rec, opt, now)
		}
	}
	view, updated, err := open(f.records[key], opt, f.now())
	if updated != nil {
		f.records[key] = updated
	}
	return view, err
}

func (f *fake) Commit(ctx context.Context, key session.Key, c change) (session.Result, error) {
	if f.fault.commit != nil {
		return f.fault.commit(f, ctx, key, c)
	}
	return f.rightCommit(ctx, key, c)
}

func (f *fake) rightCommit(ctx context.Context, key session.Key, c change) (session.Result, error) {
	if err := ctx.Err(); err != nil {
		return session.Result{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	next, result, err := f.apply(f.records[key], c)
	if err == nil && c.SignIn != nil {
		if err := f.signIn(key, c, result); err != nil {
			return session.Result{}, err
		}
	}
	if next != nil {
		f.put(key, next)
	}
	return result, err
}

func (f *fake) apply(rec *record, c change) (*record, session.Result, error) {
	if f.fault.apply != nil {
		return f.fault.apply(f, rec, c, f.now())
	}
	return session.Apply(rec, c, f.now())
}

func (f *fake) put(key session.Key, rec *record) {
	f.records[key] = rec
	f.past[rec.Version] = rec
}

// with returns a changed copy of rec, nil if rec is.
func with(rec *record, f func(*record)) *record {
	if rec == nil {
		return nil
	}
	rec = rec.Clone()
	f(rec)
	return rec
}

// The constructors of faults: a change of what goes into Apply or Open, or of
// what comes out.

// commitSees changes the record and the change that Apply gets.
func commitSees(f func(rec *record, c *change, now time.Time)) fault {
	return fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		seen := rec.Clone()
		if seen == nil {
			seen = &record{}
			f(seen, &c, now)
			return session.Apply(nil, c, now)
		}
		f(seen, &c, now)
		next, result, err := session.Apply(seen, c, now)
		if err != nil || result.Repeated {
			next = rec
		}
		return next, result, err
	}}
}

// commitMakes changes what a commit that was applied made.
func commitMakes(f func(old, next *record, c change, now time.Time)) fault {
	return fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		next, result, err := session.Apply(rec, c, now)
		if err == nil && !result.Repeated {
			if rec == nil {
				rec = &record{}
			}
			next = next.Clone()
			f(rec, next, c, now)
			result.Version = next.Version
		}
		return next, result, err
	}}
}

// loadSees changes the record and the options that Open gets.
func loadSees(f func(rec *record, opt *session.LoadOptions, now time.Time)) fault {
	return fault{open: func(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
		if rec != nil {
			rec = rec.Clone()
			f(rec, &opt, now)
		}
		return session.Open(rec, opt, now)
	}}
}

// forgets makes records absent.
func forgets(lost func(rec *record, now time.Time) bool) fault {
	return fault{
		apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
			if rec != nil && lost(rec, now) {
				rec = nil
			}
			return session.Apply(rec, c, now)
		},
		open: func(_ *fake, rec *record, opt session.LoadOptions, now time.Time) (view, updated *record, err error) {
			if rec != nil && lost(rec, now) {
				rec = nil
			}
			return session.Open(rec, opt, now)
		},
	}
}

// answers changes the result of a commit.
func answers(f func(c change, result *session.Result, err *error)) fault {
	return fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		next, result, err := session.Apply(rec, c, now)
		f(c, &result, &err)
		return next, result, err
	}}
}

// opByOp applies each operation as if it were a change of its own, up to the
// first that fails. keep tells whether what came before it stays.
func opByOp(keep bool) fault {
	return fault{apply: func(_ *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
		if len(c.Ops) < 2 || rec == nil || c.Renew != nil || c.Clear {
			return session.Apply(rec, c, now)
		}
		next := rec
		var result session.Result
		var values []int64
		for _, op := range c.Ops {
			step := c
			step.Ops = []session.Op{op}
			made, r, err := session.Apply(next, step, now)
			if err != nil && !keep {
				return rec, session.Result{}, err
			}
			if err != nil || r.Repeated {
				return next, r, err
			}
			result, values = r, append(values, r.Values...)
			next = with(made, func(m *record) { m.Writes = rec.Writes })
		}
		result.Values = values
		return with(next, func(m *record) {
			m.Writes = append(m.Writes, session.Write{ID: c.WriteID, Base: rec.Version.N, Values: values})
		}), result, nil
	}}
}

// blob writes all attributes as the request knows them.
func blob(f *fake, rec *record, c change, now time.Time) (*record, session.Result, error) {
	if base := f.past[c.Base]; rec != nil && base != nil {
		rec = with(rec, func(r *record) { r.Attributes, r.Size = maps.Clone(base.Attributes), base.Size })
	}
	return session.Apply(rec, c, now)
}

// racy reads and writes without holding the record in between; it waits there
// until another commit has read too, if one comes.
func racy(f *fake, _ context.Context, key session.Key, c change) (session.Result, error) {
	f.mu.Lock()
	rec := f.records[key]
	f.mu.Unlock()
	read := f.commits.Add(1)
	for i := 0; i < 5000 && f.commits.Load() == read; i++ {
		runtime.Gosched()
	}
	next, result, err := session.Apply(rec, c, f.now())
	f.mu.Lock()
	defer f.mu.Unlock()
	if next != nil {
		f.put(key, next)
	}
	return result, err
}

// torn commits in two halves and lets a reader in between, if one comes.
func torn(f *fake, ctx context.Context, key session.Key, c change) (session.Result, error) {
	if len(c.Ops) < 2 || c.Start != nil {
		return f.rightCommit(ctx, key, c)
	}
	half := c
	half.WriteID, half.Ops = newID(), c.Ops[:1]
	if result, err := f.rightCommit(ctx, key, half); err != nil {
		return result, err
	}
	for i, seen := 0, f.loads.Load(); i < 100_000 && f.loads.Load() < seen+2; i++ {
		runtime.Gosched()
	}
	return f.rightCommit(ctx, key, c)
}

// behind answers loads that are not fresh with the state before the last
// commit.
func behind(f *fake, ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error) {
	view, err := f.rightLoad(ctx, key, opt)
	if err != nil || opt.Fresh || len(view.Writes) < 2 {
		return view, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for version, past := range f.past {
		if past.Verifier == view.Verifier && version.Write == view.Writes[len(view.Writes)-2].ID {
			view.Attributes = past.Clone().Attributes
		}
	}
	return view, nil
}

// shared hands out what it stores.
func shared(f *fake, ctx context.Context, key session.Key, opt session.LoadOptions) (*record, error) {
	view, err := f.rightLoad(ctx, key, opt)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	alias := *f.records[key]
	alias.Now, alias.Presented, alias.Current = view.Now, view.Presented, view.Current
	return &alias, nil
}
