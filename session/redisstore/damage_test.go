package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// rig is one session, and the server behind it.
type rig struct {
	*Store
	client   rueidis.Client
	clock    *sessiontest.ManualClock
	key      session.Key
	name     string // of the key in the server
	verifier session.Hash
}

func newRig(t *testing.T, server *redistest.Server, ops ...session.Op) *rig {
	t.Helper()
	clock := sessiontest.NewClock()
	r := &rig{Store: open(t, server, clock.Now), client: bare(t, server), clock: clock, key: "0123456789abcdef", verifier: session.Hash{1}}
	name, _ := r.keys.appendSession(nil, r.key)
	r.name = string(name)
	c := r.change("start", ops...)
	c.Start = &session.Start{Verifier: r.verifier, Idle: time.Hour}
	if _, err := r.Commit(t.Context(), r.key, c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) change(id string, ops ...session.Op) session.Change {
	return session.Change{WriteID: id, Generation: 1, NotAfter: r.clock.Now().Add(time.Minute), Ops: ops}
}

func (r *rig) load(ctx context.Context) (*session.Record, error) {
	return r.Load(ctx, r.key, session.LoadOptions{Verifiers: []session.Hash{r.verifier}})
}

// fields is what the server has.
func (r *rig) fields(t *testing.T) map[string]string {
	t.Helper()
	m, err := r.client.Do(t.Context(), r.client.B().Hgetall().Key(r.name).Build()).AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (r *rig) do(t *testing.T, command ...string) {
	t.Helper()
	if err := r.client.Do(t.Context(), r.client.B().Arbitrary(command...).Build()).Error(); err != nil {
		t.Fatalf("%q: %v", command, err)
	}
}

func setTo(name, value string) session.Op {
	return session.Op{Kind: session.OpSet, Name: name, Value: []byte(value)}
}

// calls are all operations that name one session.
func (r *rig) calls(ctx context.Context) map[string]error {
	out := map[string]error{}
	_, out["load"] = r.load(ctx)
	_, out["inspect"] = r.Inspect(ctx, r.key)
	_, out["commit"] = r.Commit(ctx, r.key, r.change("another", setTo("a", "2")))
	start := r.change("a start")
	start.Start = &session.Start{Verifier: session.Hash{2}, Idle: time.Hour}
	_, out["start"] = r.Commit(ctx, r.key, start)
	end := r.change("an end")
	end.Invalidate = session.ReasonSignOut
	_, out["logout"] = r.Commit(ctx, r.key, end)
	return out
}

// corrupt ends the test if something else than ErrCorrupt was returned, or
// something was changed.
func (r *rig) corrupt(t *testing.T, what string) {
	t.Helper()
	before := r.fields(t)
	for call, err := range r.calls(t.Context()) {
		if !errors.Is(err, ErrCorrupt) || class(err) != "no verdict" {
			t.Errorf("%s: %s: got error %v, want ErrCorrupt alone", what, call, err)
		}
	}
	if after := r.fields(t); !maps.Equal(before, after) {
		t.Errorf("%s: it was %q before and is %q", what, before, after)
	}
}

// Whatever is wrong with a record, it is neither absent nor gone, and stays as
// it is.
func TestADamagedRecordIsNotAbsent(t *testing.T) {
	r := newRig(t, redistest.Start(t), setTo("a", "1"))
	if _, err := r.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for field, value := range r.fields(t) {
		if strings.HasPrefix(field, "@") || field == "_a" {
			continue // absent is fine
		}
		r.do(t, "HDEL", r.name, field)
		r.corrupt(t, "without "+field)
		r.do(t, "HSET", r.name, field, value)
	}
	for _, field := range []string{"_v", "_g", "_k", "_c", "_a", "_i", "_x", "_o", "_w", "_z"} {
		value, there := r.fields(t)[field]
		for _, bad := range []string{"", "x", "\n"} {
			r.do(t, "HSET", r.name, field, bad)
			r.corrupt(t, fmt.Sprintf("with %s=%q", field, bad))
		}
		if r.do(t, "HDEL", r.name, field); there {
			r.do(t, "HSET", r.name, field, value)
		}
	}
	if _, err := r.load(t.Context()); err != nil {
		t.Errorf("control: after all was put right again: %v", err)
	}
}

func TestAKeyOfAnotherTypeIsNotAbsent(t *testing.T) {
	r := newRig(t, redistest.Start(t))
	r.do(t, "DEL", r.name)
	r.do(t, "SET", r.name, "somebody's")
	for call, err := range r.calls(t.Context()) {
		if !errors.Is(err, ErrCorrupt) || class(err) != "no verdict" {
			t.Errorf("%s: got error %v, want ErrCorrupt alone", call, err)
		}
	}
	if got, err := r.client.Do(t.Context(), r.client.B().Get().Key(r.name).Build()).ToString(); got != "somebody's" {
		t.Errorf("the key has become %q, %v", got, err)
	}
}

// A server without memory refuses a commit as a whole and says why. What was
// there can be read, first and overdue loads included, and be ended.
func TestNoMemoryRefusesACommitWholeAndReadsGoOn(t *testing.T) {
	r := newRig(t, redistest.Start(t, "--maxmemory-policy", "noeviction"), setTo("a", "1"), setTo("b", "1"))
	before := r.fields(t)
	r.do(t, "CONFIG", "SET", "maxmemory", "1")
	c := r.change("write", setTo("a", "2"), session.Op{Kind: session.OpRemove, Name: "b"}, session.Op{Kind: session.OpAdd, Name: "n", N: 1})
	_, err := r.Commit(t.Context(), r.key, c)
	if err == nil || class(err) != "no verdict" || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("commit: got error %v, want the server's OOM", err)
	}
	if after := r.fields(t); !maps.Equal(before, after) {
		t.Errorf("the commit left %q of %q", after, before)
	}
	start := r.change("a start")
	start.Start = &session.Start{Verifier: session.Hash{2}, Idle: time.Hour}
	if _, err := r.Commit(t.Context(), "another-session_", start); err == nil || class(err) != "no verdict" {
		t.Errorf("start: got error %v, want the server's OOM", err)
	}

	for _, later := range []time.Duration{0, 30 * time.Minute} { // the first load confirms, the second is an access
		r.clock.Advance(later)
		rec, err := r.load(t.Context())
		if err != nil || string(rec.Attributes["a"]) != "1" || !rec.Accessed.Equal(r.clock.Now()) {
			t.Errorf("load: got %+v, %v", rec, err)
		}
	}
	if _, err := r.Inspect(t.Context(), r.key); err != nil {
		t.Errorf("inspect: %v", err)
	}

	r.do(t, "CONFIG", "SET", "maxmemory", "0")
	c.Retry, c.NotAfter = true, r.clock.Now().Add(time.Minute)
	if result, err := r.Commit(t.Context(), r.key, c); err != nil || result.Repeated || result.Values[2] != 1 {
		t.Errorf("with memory again: got %+v, %v", result, err)
	}
	r.do(t, "CONFIG", "SET", "maxmemory", "1")
	end := r.change("end")
	end.Invalidate = session.ReasonSignOut
	if _, err := r.Commit(t.Context(), r.key, end); err != nil {
		t.Errorf("logout: %v", err)
	}
	if _, err := r.load(t.Context()); !errors.Is(err, session.ErrGone{Reason: session.ReasonSignOut}) {
		t.Errorf("load after it: %v", err)
	}
}
