package kubernetes

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
)

func TestGrace(t *testing.T) {
	const hook = `{"name":"web","lifecycle":{"preStop":%s}}`
	with := func(grace, preStop string) string {
		return `{"terminationGracePeriodSeconds":` + grace + `,"containers":[` + strings.Replace(hook, "%s", preStop, 1) + `]}`
	}
	tests := []struct {
		name, spec, container string
		want                  time.Duration
		from                  string
	}{
		{"control: no hook", `{"terminationGracePeriodSeconds":45,"containers":[{"name":"web"}]}`, "", 45 * time.Second, "terminationGracePeriodSeconds 45"},
		{"default", `{"containers":[{"name":"web"}]}`, "", 30 * time.Second, "Seconds 30"},
		{"sleep action", with("45", `{"sleep":{"seconds":10}}`), "", 35 * time.Second, "less the preStop sleep 10"},
		{"exec sleep", with("45", `{"exec":{"command":["/bin/sleep","5"]}}`), "", 40 * time.Second, "less the preStop sleep 5"},
		{"shell sleep", with("45", `{"exec":{"command":["sh","-c","sleep 0.5m"]}}`), "", 15 * time.Second, "less the preStop sleep 30"},
		{"script", with("45", `{"exec":{"command":["sh","-c","sleep 5; curl x"]}}`), "", 45 * time.Second, "unknown"},
		{"request", with("45", `{"httpGet":{"path":"/x"}}`), "", 45 * time.Second, "unknown"},
		{"the way out", with("45", `{"exec":{"command":["/evenkeel-run","drain","--wait","20s"]}}`), "", 45 * time.Second, "begins with the preStop"},
		{"all used up", with("12", `{"sleep":{"seconds":12}}`), "", 2 * time.Second, "less the preStop sleep 12"},
		{"negative", with("-3", `{"sleep":{"seconds":-12}}`), "", 2 * time.Second, "Seconds 0"},
		{"huge", with("9223372036854775807", `null`), "", 9223372036 * time.Second, "terminationGracePeriodSeconds"},
		{"the longest of several", `{"terminationGracePeriodSeconds":45,"containers":[{"name":"a","lifecycle":{"preStop":{"sleep":{"seconds":5}}}},{"name":"b","lifecycle":{"preStop":{"sleep":{"seconds":20}}}}]}`, "", 25 * time.Second, `of container "b"`},
		{"the named of several", `{"terminationGracePeriodSeconds":45,"containers":[{"name":"a","lifecycle":{"preStop":{"sleep":{"seconds":5}}}},{"name":"b","lifecycle":{"preStop":{"sleep":{"seconds":20}}}}]}`, "a", 40 * time.Second, `of container "a"`},
		{"a sidecar by name", `{"terminationGracePeriodSeconds":45,"containers":[{"name":"a"}],"initContainers":[{"name":"side","lifecycle":{"preStop":{"sleep":{"seconds":5}}}}]}`, "side", 40 * time.Second, `of container "side"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := pods(t, newFake(t, tt.spec))
			defer h.api.close()
			h.opt.Container = tt.container
			got, from, err := h.Grace(t.Context())
			if err != nil || got != tt.want || !strings.Contains(from, tt.from) || !strings.Contains(from, "of pod shop/web-1") {
				t.Errorf("got %v from %q, error %v; want %v from …%s…", got, from, err, tt.want, tt.from)
			}
		})
	}
}

func TestGraceOfAServerThatMisbehaves(t *testing.T) {
	for name, broken := range hosttest.Misbehaviours {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, `{}`)
			f.broken = broken
			h, _ := pods(t, f)
			defer h.api.close()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if d, from, err := h.Grace(ctx); err == nil || d != 0 || from != "" {
				t.Errorf("got %v from %q, error %v; want an error", d, from, err)
			}
		})
	}
}

func TestNoServiceAccount(t *testing.T) {
	h := New(Options{Server: "https://127.0.0.1:1", Dir: t.TempDir(), Pod: "web-1"}, new(hosttest.Log).Logger())
	if _, _, err := h.Grace(t.Context()); err == nil || !strings.Contains(err.Error(), "automountServiceAccountToken") {
		t.Errorf("error %v, want what to look for", err)
	}
}

// The kubelet replaces the token, an administrator the CA.
func TestRotation(t *testing.T) {
	f := newFake(t, `{"containers":[]}`)
	h, _ := pods(t, f)
	defer h.api.close()
	ask := func() error { _, _, err := h.Grace(t.Context()); return err }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.token = "token-2" })
	if err := ask(); host.Status(err) != 401 {
		t.Errorf("control: error %v, want 401 with the old token", err)
	}
	account(t, h.opt.Dir, f.ca, "token-2")
	if err := ask(); err != nil {
		t.Errorf("with the new token: %v", err)
	}
	other := newFake(t, `{"containers":[]}`)
	h.api.opt.Server = other.URL
	if err := ask(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("control: error %v, want one about a certificate of another CA", err)
	}
	account(t, h.opt.Dir, other.ca, "token-1")
	if err := ask(); err != nil {
		t.Errorf("with the new CA: %v", err)
	}
	if err := os.WriteFile(filepath.Join(h.opt.Dir, "token"), []byte("a\nHost: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(); err == nil {
		t.Error("a token with a line break was sent")
	}
}

func TestDeletionCostFollowsTheLoad(t *testing.T) {
	f := newFake(t, `{}`)
	h, log := pods(t, f)
	var load hosttest.Load
	load.Set(host.Load{State: drain.Serving})
	stop := hosttest.Run(t, h, load.Get)
	hosttest.Eventually(t, "it has read the pod", func() bool { _, _, n := f.now(); return n > 0 })
	if _, writes, _ := f.now(); writes != 0 {
		t.Errorf("an idle pod without the annotation: %d writes, want none", writes)
	}
	costs := func(want string) {
		t.Helper()
		hosttest.Eventually(t, "cost "+want, func() bool { cost, _, _ := f.now(); return cost == want })
	}
	load.Set(host.Load{State: drain.Serving, Requests: 3, Streams: 7})
	costs("10")
	load.Set(host.Load{State: drain.Serving, Requests: 1, Streams: 99})
	hosttest.Eventually(t, "a cost within a fifth of 100", func() bool { // the first interval may be of both loads
		cost, _, _ := f.now()
		n, err := strconv.Atoi(cost)
		return err == nil && n > 83 && n <= 100
	})
	load.Set(host.Load{State: drain.Serving})
	costs("0")
	load.Set(host.Load{State: drain.Serving, Streams: 5})
	costs("5")
	load.Set(host.Load{State: drain.Draining, Streams: 50})
	load.Looks(t, 2) // a write may have been on its way
	_, before, _ := f.now()
	load.Looks(t, 100) // at least five intervals in which nothing may be written
	if _, after, _ := f.now(); after > before {
		t.Errorf("%d writes while leaving", after-before)
	}
	stop()
	if cost, _, _ := f.now(); cost != "-" {
		t.Errorf("at the end: cost %s, want none", cost)
	}
	if len(f.strange) > 0 || log.String() != "" {
		t.Errorf("strange calls %q, log %s", f.strange, log)
	}
}

// A process that was killed has left its cost.
func TestStaleCostIsReplaced(t *testing.T) {
	f := newFake(t, `{}`)
	f.cost = "500"
	h, _ := pods(t, f)
	hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Serving} })
	hosttest.Eventually(t, "cost 0", func() bool { cost, _, _ := f.now(); return cost == "0" })
}

func TestDeletionCostSurvivesWhatTheServerDoes(t *testing.T) {
	for name, broken := range hosttest.Misbehaviours {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, `{}`)
			f.broken = broken
			h, log := pods(t, f)
			stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Serving, Requests: 4} })
			hosttest.Eventually(t, "calls", func() bool { _, _, n := f.now(); return n >= 2 || name == "hang" && n == 1 })
			if name == "hang" {
				stop() // it comes back although a call hangs
				return
			}
			hosttest.Eventually(t, "a line in the log", func() bool { return log.Count("fails") > 0 })
			if n := log.Count("fails"); n != 1 {
				t.Errorf("%d lines for one trouble: %s", n, log)
			}
			f.set(func() { f.broken = nil })
			hosttest.Eventually(t, "the cost", func() bool { cost, _, _ := f.now(); return cost == "4" })
			stop()
			if cost, _, _ := f.now(); cost != "-" || log.Count("works again") != 1 {
				t.Errorf("at the end: cost %s, log %s", cost, log)
			}
		})
	}
}

func TestForbiddenSaysWhatItNeeds(t *testing.T) {
	f := newFake(t, `{}`)
	f.denied = true
	h, log := pods(t, f)
	hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Serving} })
	hosttest.Eventually(t, "several tries", func() bool { _, _, n := f.now(); return n >= 3 })
	if log.Count("verbs") != 1 || log.Count(`resources [\"pods\"]`) != 1 {
		t.Errorf("log: %s; want one line with the role", log)
	}
	if strings.Contains(log.String(), "token-1") {
		t.Error("the token is in the log")
	}
}

func TestCostDecision(t *testing.T) {
	at := time.Unix(1e9, 0)
	c := cost{every: 30 * time.Second}
	step := func(seconds, load int) (int32, bool) {
		at = at.Add(time.Duration(seconds) * time.Second)
		c.add(host.Load{Requests: load})
		v, due := c.due(at)
		if due {
			c.sent(at, v)
		}
		return v, due
	}
	c.found(0, false)
	for i, s := range []struct {
		seconds, load int
		want          int32 // -1: nothing is written
	}{
		{1, 0, -1}, {1, 0, -1}, {1, 10, 10}, // from nothing at once
		{1, 1000, -1}, {28, 1000, -1}, {1, 1000, 1000}, // not twice in 30 s
		{30, 810, -1}, {30, 801, -1}, {30, 800, 800}, // a fifth
		{30, 959, -1}, {30, 960, 960},
		{10, 0, -1}, {10, 0, -1}, {10, 0, 0}, // to nothing
		{10, 1, -1}, {19, 0, -1}, {1, 1, 1}, // the mean is rounded up
		{30, 1, -1},
		{30, 1 << 40, 1<<31 - 1}, // an int32
		{30, -5, 0},
	} {
		v, due := step(s.seconds, s.load)
		if due != (s.want >= 0) || due && v != s.want {
			t.Errorf("step %d: got %d, write %t; want %d", i, v, due, s.want)
		}
	}
}

func FuzzPod(f *testing.F) {
	f.Add(`{"terminationGracePeriodSeconds":45,"containers":[{"lifecycle":{"preStop":{"exec":{"command":["sleep","1e300"]}}}}]}`)
	f.Add(`{"containers":[{"lifecycle":{"preStop":{"exec":{"command":["sh","-c","sleep NaN"]}}}}]}`)
	f.Add(`{"terminationGracePeriodSeconds":-1}`)
	f.Fuzz(func(t *testing.T, spec string) {
		srv := []byte(`{"kind":"Pod","spec":` + spec + `}`)
		p, err := decode(srv)
		if err != nil {
			return
		}
		if d, from := p.grace(""); d < leastGrace || from == "" {
			t.Errorf("grace %v from %q", d, from)
		}
	})
}
