package link

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/redis/rueidis"
)

func TestWrongAndMissingPasswordsSayWhatToDoUntilTheyAreRight(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "right")
	for name, url := range map[string]string{
		"none": "redis://" + s.Addr, "wrong": "redis://:wrong@" + s.Addr, "unknown user": "redis://joe:right@" + s.Addr,
	} {
		w := start(t, url, Options{})
		wantFailure(t, w.set(t, "k"), Unauthorized, s.Addr, "password")
		if err := w.set(t, "k"); err == nil || w.Stats().Refused != 1 {
			t.Errorf("%s: the server is asked again at once: %v, %+v", name, err, w.Stats())
		}
	}
	if err := start(t, "redis://:right@"+s.Addr, Options{}).set(t, "k"); err != nil {
		t.Errorf("control: %v", err)
	}
	if err := start(t, "redis://"+s.Addr, Options{Password: "right"}).set(t, "k"); err != nil {
		t.Errorf("control, password in the options: %v", err)
	}

	w := start(t, "redis://:new@"+s.Addr, Options{})
	wantFailure(t, w.set(t, "k"), Unauthorized)
	if _, err := s.Do("CONFIG", "SET", "requirepass", "new"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the password is tried again", func() error { return w.set(t, "k") })
}

func TestAPasswordForAServerWithoutOne(t *testing.T) {
	s := redistest.Start(t)
	wantFailure(t, start(t, "redis://joe:secret@"+s.Addr, Options{}).set(t, "k"), Unauthorized, s.Addr)
}

func TestOptionsThatContradictTheURLAreRefused(t *testing.T) {
	credentials := func(context.Context) (Credentials, error) { return Credentials{}, nil }
	for url, opt := range map[string]Options{
		"redis://:a@h":   {Password: "b"},
		"redis://u:a@h":  {Username: "v"},
		"redis://:c@h":   {Credentials: credentials},
		"redis://d":      {Credentials: credentials, Password: "p"},
		"redis://joe@h":  {},
		"redis://e":      {Username: "joe"},
		"redis://h/1":    {DialTimeout: -1},
		"redis://h/2?/0": {},
	} {
		if _, err := New(url, opt); err == nil {
			t.Errorf("%s with %+v is accepted", url, opt)
		}
	}
	for url, opt := range map[string]Options{"redis://joe@h": {Password: "p"}, "redis://:p@h": {Username: "joe"}, "redis://h": {Credentials: credentials}} {
		if _, err := New(url, opt); err != nil {
			t.Errorf("control: %s: %v", url, err)
		}
	}
}

func TestWhatAUserMayNotDoIsNamed(t *testing.T) {
	s := redistest.Start(t)
	acl := func(user string, rules ...string) string {
		t.Helper()
		if _, err := s.Do(append([]string{"ACL", "SETUSER", user, "on", ">pw"}, rules...)...); err != nil {
			t.Fatal(err)
		}
		return "redis://" + user + ":pw@" + s.Addr
	}
	for name, c := range map[string]struct {
		url   string
		words []string
	}{
		"no scripts":      {acl("a", "~*", "+@all", "-@scripting"), []string{"evalsha", "ACL SETUSER"}},
		"not by source":   {acl("b", "~*", "+@all", "-eval"), []string{"'eval'", "ACL SETUSER"}},
		"not in a script": {acl("c", "~*", "+@all", "-set"), []string{"ACL SETUSER"}},
		"not this key":    {acl("d", "~other*", "+@all"), []string{"keys", "~<prefix>"}},
	} {
		w := start(t, c.url, Options{})
		script := NewScript("return redis.call('SET', KEYS[1], '" + name + "')") // known to nobody else
		run := func(ctx context.Context, c rueidis.Client) error { return script.Exec(ctx, c, "k").Error() }
		for range 2 * failureLimit { // it is no outage
			wantFailure(t, w.Call(t.Context(), "k", run), Forbidden, append(c.words, s.Addr)...)
		}
		if n, _ := w.told(BreakerOpen); n != 0 {
			t.Errorf("%s: the breaker opened", name)
		}
	}
	w := start(t, acl("e", "~*", "+@all", "-client|tracking"), Options{})
	wantFailure(t, w.read(t, "k"), Forbidden, "client|tracking")
	if err := w.set(t, "k"); err != nil {
		t.Errorf("calls that need no tracking: %v", err)
	}
}

func TestAServerThatMayNotBeAskedForItsSettingsIsWarnedOf(t *testing.T) {
	s := redistest.Start(t)
	if _, err := s.Do("ACL", "SETUSER", "joe", "on", ">pw", "~*", "+@all", "-info", "-role"); err != nil {
		t.Fatal(err)
	}
	w := start(t, "redis://joe:pw@"+s.Addr, Options{})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if n, last := w.told(ServerWarning); n != 1 {
		t.Errorf("%d warnings: %+v", n, last)
	}
	if _, err := w.Ping(t.Context()); err != nil {
		t.Errorf("Ping without ROLE: %v", err)
	}
	wantFailure(t, start(t, "redis://joe:pw@"+s.Addr, Options{StrictServer: true}).set(t, "k"), Misconfigured, "+info")
}

// rotating is a source of passwords.
type rotating struct {
	password atomic.Pointer[string]
	fail     atomic.Bool
	after    time.Duration
	asked    atomic.Int64
}

func (r *rotating) set(p string) { r.password.Store(&p) }

func (r *rotating) get(context.Context) (Credentials, error) {
	r.asked.Add(1)
	if r.fail.Load() {
		return Credentials{}, errors.New("vault is sealed")
	}
	c := Credentials{Password: *r.password.Load()}
	if r.after > 0 {
		c.RefreshAfter = time.Now().Add(r.after)
	}
	return c, nil
}

func TestAChangedPasswordIsFetchedForNewConnections(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "one")
	var source rotating
	source.set("one")
	w := start(t, "redis://"+s.Addr, Options{Credentials: source.get})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do("CONFIG", "SET", "requirepass", "two"); err != nil {
		t.Fatal(err)
	}
	s.Password = "two"
	w.plain.disconnect(w.entry)
	eventually(t, "the old password is refused", func() error {
		err := w.set(t, "k")
		return unless(err != nil, "still works")
	})
	source.set("two")
	eventually(t, "the new password works without a restart", func() error { return w.set(t, "k") })
}

func TestCredentialsAreRenewedOnALiveConnection(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "one")
	source := rotating{after: 50 * time.Millisecond}
	source.set("one")
	w := start(t, "redis://"+s.Addr, Options{Credentials: source.get})
	if err := w.set(t, "k"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "credentials are asked for again", func() error { return unless(source.asked.Load() > 2, "not yet") })
	if got := w.Stats().Dials; got != 1 {
		t.Errorf("%d dials", got)
	}

	source.fail.Store(true) // a source that fails does not end what works
	asked := source.asked.Load()
	eventually(t, "the failing source is asked", func() error { return unless(source.asked.Load() > asked, "not yet") })
	w.plain.disconnect(w.entry)
	eventually(t, "the last credentials are used", func() error { return w.set(t, "k") })
}

func TestASourceThatNeverWorkedSaysSo(t *testing.T) {
	s := redistest.Start(t)
	var source rotating
	source.fail.Store(true)
	w := start(t, "redis://"+s.Addr, Options{Credentials: source.get})
	wantFailure(t, w.set(t, "k"), Unreachable, "Options.Credentials", "vault is sealed")
	source.set("")
	source.fail.Store(false)
	eventually(t, "it works", func() error { return w.set(t, "k") })
}
