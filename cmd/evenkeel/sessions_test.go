package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// operated is a service with sessions in a real Redis, and its operator.
type operated struct {
	t       *testing.T
	url     string
	manager *session.Manager
}

func operate(t *testing.T) *operated {
	t.Helper()
	o := &operated{t: t, url: "redis://" + redistest.Start(t).Addr}
	store, err := redisstore.New(o.url, redisstore.Options{Service: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.manager, err = session.New(store, session.Options{}); err != nil {
		t.Fatal(err)
	}
	return o
}

// signIn starts a session of the principal and returns its cookie.
func (o *operated) signIn(principal string) *http.Cookie {
	o.t.Helper()
	cart := session.NewAttribute[string]("cart")
	c, err := o.manager.Issue(o.t.Context(), principal, func(s *session.Session) error { return cart.Set(s, "1 apple") })
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

// run runs `evenkeel sessions` and returns what it prints.
func (o *operated) run(code int, args ...string) string {
	o.t.Helper()
	var out, errs bytes.Buffer
	all := append([]string{"sessions"}, args...)
	if got := run(append(all, "--store", o.url, "--service", "shop"), &out, &errs); got != code {
		o.t.Fatalf("%v: exit code %d, want %d: %s", args, got, code, &errs)
	}
	return out.String() + errs.String()
}

func (o *operated) list(args ...string) (keys []string) {
	o.t.Helper()
	var got struct {
		Schema   string
		Sessions []struct{ Session, Principal string }
	}
	if err := json.Unmarshal([]byte(o.run(0, append([]string{"ls", "--json"}, args...)...)), &got); err != nil {
		o.t.Fatal(err)
	}
	if got.Schema != "evenkeel.dev/sessions/v1" {
		o.t.Errorf("schema %q", got.Schema)
	}
	for _, s := range got.Sessions {
		keys = append(keys, s.Session)
	}
	return keys
}

func selector(c *http.Cookie) string { key, _, _ := strings.Cut(c.Value, "."); return key }

func TestOperatorSeesAndEndsSessions(t *testing.T) {
	o := operate(t)
	first, second, other := o.signIn("alice"), o.signIn("alice"), o.signIn("bob")
	if got := o.list(); len(got) != 3 {
		t.Errorf("listed %v, want three", got)
	}
	if got := o.list("--principal", "alice"); len(got) != 2 || got[0] != selector(first) || got[1] != selector(second) {
		t.Errorf("of alice listed %v", got)
	}
	if got := o.list("--limit", "1"); len(got) != 1 {
		t.Errorf("with a limit listed %v", got)
	}
	if got := o.run(0, "show", selector(first)); !strings.Contains(got, "alice") || !strings.Contains(got, "cart") || strings.Contains(got, "apple") {
		t.Errorf("show without values: %s", got)
	}
	if got := o.run(0, "show", selector(first), "--values"); !strings.Contains(got, "1 apple") {
		t.Errorf("show with values: %s", got)
	}
	if got := o.run(0, "stats"); !strings.Contains(got, "3, of 2 principals") {
		t.Errorf("stats: %s", got)
	}
	if got := o.run(0, "revoke", selector(first), "--yes"); !strings.HasPrefix(got, "1 ended") {
		t.Errorf("revoke: %s", got)
	}
	if got := o.run(0, "revoke", selector(first), "--yes"); !strings.HasPrefix(got, "0 ended") {
		t.Errorf("revoke again: %s", got)
	}
	if got := o.run(0, "show", selector(first)); !strings.Contains(got, "revoked") {
		t.Errorf("show of the revoked: %s", got)
	}
	if got := o.run(0, "revoke", "--principal", "alice", "--yes", "--json"); !strings.Contains(got, `"revoked": 1`) {
		t.Errorf("revoke all of alice's: %s", got)
	}
	if got := o.list(); len(got) != 1 || got[0] != selector(other) {
		t.Errorf("left are %v, want bob's", got)
	}
	if got := o.run(2, "show", "AAAAAAAAAAAAAAAA"); !strings.Contains(got, "there is none") {
		t.Errorf("show of none: %s", got)
	}
}

// What an operator sees must log nobody in: neither the verifier nor its hash.
func TestNothingPrintedLogsAnyoneIn(t *testing.T) {
	o := operate(t)
	c := o.signIn("alice")
	_, verifier, _ := strings.Cut(c.Value, ".")
	for _, args := range [][]string{
		{"ls"}, {"ls", "--json"}, {"ls", "--principal", "alice", "--json"}, {"stats", "--json"},
		{"show", selector(c), "--values"}, {"show", selector(c), "--values", "--json"},
	} {
		got := o.run(0, args...)
		if strings.Contains(got, verifier) || strings.Contains(got, "erifier") {
			t.Errorf("%v shows the verifier: %s", args, got)
		}
		if args[0] != "stats" && !strings.Contains(got, selector(c)) {
			t.Errorf("%v does not show the session: %s", args, got)
		}
	}
}
