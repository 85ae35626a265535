package sessiontest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// faultyDirectories are the same for the abilities.
var faultyDirectories = []faultyStore{
	{"lists the newest first", "listed", listsAs(func(f *fake, principal string) []signing {
		list := f.usable(principal)
		slices.Reverse(list)
		return list
	})},
	{"forgets the device", "listed", signsInAs(func(f *fake, key session.Key, c change, result session.Result) error {
		c.SignIn.Device = ""
		return f.rightSignIn(key, c, result)
	})},
	{"lists what is no more", "listed-usable listed-expired", listsAs((*fake).ever)},
	{"principals have no case", "listed-exactly", signsInAs(func(f *fake, key session.Key, c change, result session.Result) error {
		c.SignIn.Principal = strings.ToLower(c.SignIn.Principal)
		return f.rightSignIn(key, c, result)
	})},

	{"knows no bound", "max max-again max-refuse max-at-once", signsInAs(func(f *fake, key session.Key, c change, result session.Result) error {
		c.SignIn.MaxSessions = 0
		return f.rightSignIn(key, c, result)
	})},
	{"evicts the newest", "max", signsInAs(func(f *fake, key session.Key, c change, _ session.Result) error {
		others := f.usable(c.SignIn.Principal)
		slices.Reverse(others)
		defer f.note(key, c)
		return f.makeRoom(key, c, others, session.ReasonEvicted)
	})},
	{"evicts for another reason", "max", signsInAs(func(f *fake, key session.Key, c change, _ session.Result) error {
		defer f.note(key, c)
		return f.makeRoom(key, c, f.usable(c.SignIn.Principal), session.ReasonRevoked)
	})},
	{"evicts one at a time", "max", signsInAs(func(f *fake, key session.Key, c change, _ session.Result) error {
		defer f.note(key, c)
		others := f.usable(c.SignIn.Principal)
		return f.makeRoom(key, c, others[:min(len(others), c.SignIn.MaxSessions)], session.ReasonEvicted)
	})},
	{"counts the session itself twice", "max-again", signsInAs(func(f *fake, key session.Key, c change, _ session.Result) error {
		defer f.note(key, c)
		return f.makeRoom("another", c, f.usable(c.SignIn.Principal), session.ReasonEvicted)
	})},
	{"refuses once it has written", "max-refuse", fault{commit: func(f *fake, ctx context.Context, key session.Key, c change) (session.Result, error) {
		result, err := f.rightCommit(ctx, key, c)
		if errors.Is(err, session.ErrTooMany) {
			c.SignIn = &session.SignIn{Principal: c.SignIn.Principal}
			_, _ = f.rightCommit(ctx, key, c)
		}
		return result, err
	}}},
	{"counts what has expired", "max-expired", signsInAs(func(f *fake, key session.Key, c change, _ session.Result) error {
		defer f.note(key, c)
		return f.makeRoom(key, c, f.ever(c.SignIn.Principal), session.ReasonEvicted)
	})},
	{"evicts again for a retry", "max-repeated", signsInAs(func(f *fake, key session.Key, c change, result session.Result) error {
		result.Repeated = false
		return f.rightSignIn(key, c, result)
	})},
	{"counts, then signs in", "max-at-once", fault{commit: limitsBefore}},

	{"revokes all but the newest", "revoke", revokesAs(func(f *fake, principal *string, r *session.Revocation) {
		if list := f.usable(*principal); len(list) > 0 {
			r.Except = list[len(list)-1].key
		}
	})},
	{"revoked is logged out", "revoke", revokesAs(func(_ *fake, _ *string, r *session.Revocation) { r.Reason = session.ReasonSignOut })},
	{"revokes whosever it is", "revoke-only", revokesAs(func(f *fake, principal *string, r *session.Revocation) {
		for _, s := range f.signed {
			if s.key == r.Only {
				*principal = s.principal
			}
		}
	})},
	{"revokes the one to keep", "revoke-except", revokesAs(func(_ *fake, _ *string, r *session.Revocation) { r.Except = "" })},
	{"knows one reason", "revoke-reason", revokesAs(func(_ *fake, _ *string, r *session.Revocation) { r.Reason = "" })},
	{"takes half of a contradiction", "revoke-malformed", revokesAs(func(_ *fake, _ *string, r *session.Revocation) {
		if r.Only != "" {
			r.Except = ""
		}
	})},
	{"revoked is off the list", "revoke-commits", fault{directory: directoryFault{revoke: func(f *fake, principal string, _ session.Revocation) (int, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		list := f.usable(principal)
		f.signed = slices.DeleteFunc(f.signed, func(s signing) bool { return s.principal == principal })
		return len(list), nil
	}}}},
	{"revokes nothing that is busy", "revoke-sign-ins", fault{directory: directoryFault{revoke: skipsBusy}}},

	{"shows the verifier", "inspect", inspectsAs(func(stored, shown *record) { shown.Verifier = stored.Verifier })},
	{"shows old verifiers", "inspect", inspectsAs(func(stored, shown *record) { shown.Superseded = stored.Superseded })},
	{"an inspection is an access", "inspect", inspectsAs(func(stored, shown *record) {
		stored.Accessed = stored.Created.Add(time.Minute)
		shown.Accessed = stored.Accessed
	})},
	{"tombstones cannot be seen", "inspect-gone", fault{directory: directoryFault{inspect: func(f *fake, key session.Key) (*record, error) {
		rec, err := f.rightInspect(key)
		if err == nil && rec.Gone != "" {
			return nil, session.ErrNotFound
		}
		return rec, err
	}}}},
	{"shows what it stores", "inspect-copies", fault{directory: directoryFault{inspect: func(f *fake, key session.Key) (*record, error) {
		rec := *f.records[key]
		rec.Verifier, rec.Superseded = session.Hash{}, nil
		return &rec, nil
	}}}},
}
