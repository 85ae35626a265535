package sessiontest

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// directoryFault is what is wrong with a fake store's abilities Principals and
// Inspector. nil is the right one.
type directoryFault struct {
	signIn  func(f *fake, key session.Key, c change, result session.Result) error
	list    func(f *fake, principal string) []signing
	revoke  func(f *fake, principal string, r session.Revocation) (int, error)
	inspect func(f *fake, key session.Key) (*record, error)
}

// signing is a sign-in.
type signing struct {
	key       session.Key
	principal string
	device    string
}

// signIn makes room for a sign-in that was applied, and notes it.
func (f *fake) signIn(key session.Key, c change, result session.Result) error {
	if f.fault.directory.signIn != nil {
		return f.fault.directory.signIn(f, key, c, result)
	}
	return f.rightSignIn(key, c, result)
}

func (f *fake) rightSignIn(key session.Key, c change, result session.Result) error {
	if result.Repeated {
		return nil
	}
	if err := f.makeRoom(key, c, f.usable(c.SignIn.Principal), session.ReasonEvicted); err != nil {
		return err
	}
	f.note(key, c)
	return nil
}

func (f *fake) note(key session.Key, c change) {
	f.signed = append(f.signed, signing{key, c.SignIn.Principal, c.SignIn.Device})
}

// makeRoom ends the first of these, beyond the bound of c, or refuses.
func (f *fake) makeRoom(key session.Key, c change, others []signing, reason session.Reason) error {
	others = slices.DeleteFunc(others, func(s signing) bool { return s.key == key })
	tooMany := max(0, len(others)+1-c.SignIn.MaxSessions)
	if c.SignIn.MaxSessions == 0 || tooMany == 0 {
		return nil
	}
	if c.SignIn.Refuse {
		return session.ErrTooMany
	}
	for _, s := range others[:tooMany] {
		f.bury(s.key, reason)
	}
	return nil
}

// ever are the sign-ins of a principal, the last one of each session.
func (f *fake) ever(principal string) []signing {
	var all []signing
	for i, s := range f.signed {
		again := slices.ContainsFunc(f.signed[i+1:], func(o signing) bool { return o.key == s.key })
		if s.principal == principal && !again {
			all = append(all, s)
		}
	}
	return all
}

func (f *fake) usable(principal string) []signing {
	return slices.DeleteFunc(f.ever(principal), func(s signing) bool {
		rec := f.records[s.key]
		return rec.Gone != "" || !f.now().Before(rec.Expires())
	})
}

func (f *fake) bury(key session.Key, reason session.Reason) {
	rec := f.records[key]
	next, _, err := session.Apply(rec, change{WriteID: newID(), Generation: rec.Generation, NotAfter: f.now().Add(time.Second), Invalidate: reason}, f.now())
	if err == nil {
		f.put(key, next)
	}
}

func (f *fake) Sessions(_ context.Context, principal string) ([]session.Listed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.usable
	if f.fault.directory.list != nil {
		list = func(principal string) []signing { return f.fault.directory.list(f, principal) }
	}
	var out []session.Listed
	for _, s := range list(principal) {
		r := f.records[s.key]
		out = append(out, session.Listed{Key: s.key, Device: s.device, Created: r.Created, SignedIn: r.Authenticated,
			Accessed: r.Accessed, Expires: r.Expires(), Persistent: r.Persistent})
	}
	return out, nil
}

func (f *fake) Revoke(_ context.Context, principal string, r session.Revocation) (int, error) {
	if f.fault.directory.revoke != nil {
		return f.fault.directory.revoke(f, principal, r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rightRevoke(principal, r)
}

func (f *fake) rightRevoke(principal string, r session.Revocation) (n int, err error) {
	if r.Only != "" && r.Except != "" {
		return 0, session.ErrMalformed
	}
	for _, s := range f.usable(principal) {
		if (r.Only == "" || s.key == r.Only) && s.key != r.Except {
			f.bury(s.key, cmp.Or(r.Reason, session.ReasonRevoked))
			n++
		}
	}
	return n, nil
}

func (f *fake) Inspect(_ context.Context, key session.Key) (*record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault.directory.inspect != nil {
		return f.fault.directory.inspect(f, key)
	}
	return f.rightInspect(key)
}

func (f *fake) rightInspect(key session.Key) (*record, error) {
	rec := f.records[key]
	if rec == nil || !f.now().Before(rec.Expires()) {
		return nil, session.ErrNotFound
	}
	return with(rec, func(r *record) { r.Verifier, r.Superseded = session.Hash{}, nil }), nil
}

// The constructors of faults.

func signsInAs(f func(f *fake, key session.Key, c change, result session.Result) error) fault {
	return fault{directory: directoryFault{signIn: f}}
}

func listsAs(f func(f *fake, principal string) []signing) fault {
	return fault{directory: directoryFault{list: f}}
}

// revokesAs changes what a revocation is asked for.
func revokesAs(change func(f *fake, principal *string, r *session.Revocation)) fault {
	return fault{directory: directoryFault{revoke: func(f *fake, principal string, r session.Revocation) (int, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		change(f, &principal, &r)
		return f.rightRevoke(principal, r)
	}}}
}

// limitsBefore makes room before it holds the record: it waits there until
// another sign-in has counted too, if one comes.
func limitsBefore(f *fake, ctx context.Context, key session.Key, c change) (session.Result, error) {
	if c.SignIn == nil {
		return f.rightCommit(ctx, key, c)
	}
	f.mu.Lock()
	others := f.usable(c.SignIn.Principal)
	f.mu.Unlock()
	counted := f.commits.Add(1)
	for i := 0; i < 5000 && f.commits.Load() == counted; i++ {
		runtime.Gosched()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	next, result, err := f.apply(f.records[key], c)
	if err != nil {
		return result, err
	}
	if err := f.makeRoom(key, c, others, session.ReasonEvicted); err != nil {
		return session.Result{}, err
	}
	f.note(key, c)
	f.put(key, next)
	return result, nil
}

// skipsBusy ends the sessions that nobody has changed since it looked; before
// that it waits until somebody has, if somebody does.
func skipsBusy(f *fake, principal string, r session.Revocation) (n int, err error) {
	f.mu.Lock()
	seen := map[session.Key]session.Version{}
	for _, s := range f.usable(principal) {
		seen[s.key] = f.records[s.key].Version
	}
	before := len(f.signed)
	f.mu.Unlock()
	for i, changed := 0, false; i < 100_000 && !changed; i++ {
		runtime.Gosched()
		f.mu.Lock()
		changed = len(f.signed) > before
		f.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.usable(principal) {
		if f.records[s.key].Version == seen[s.key] {
			f.bury(s.key, session.ReasonRevoked)
			n++
		}
	}
	return n, nil
}

// inspectsAs changes what an inspection shows of the record.
func inspectsAs(f func(stored, shown *record)) fault {
	return fault{directory: directoryFault{inspect: func(s *fake, key session.Key) (*record, error) {
		shown, err := s.rightInspect(key)
		if err != nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
		f(s.records[key], shown)
		return shown, nil
	}}}
}
