package ecs

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform/host"
	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

const arn = "arn:aws:ecs:us-west-2:111122223333:task/shop/1234567890abcdef0"

// agent is the task-protection endpoint and the task's metadata. Formats: the
// Amazon ECS Developer Guide, "Amazon ECS task scale-in protection endpoint"
// and "Amazon ECS task metadata V4 JSON response".
type agent struct {
	*hosttest.Endpoint

	mu        sync.Mutex
	protected bool
	puts      []string
	calls     int
	broken    http.HandlerFunc
	launch    string
	loseReply bool // do what is asked, and hang up
}

func newAgent(t *testing.T) *agent {
	a := &agent{launch: "FARGATE"}
	a.Endpoint = hosttest.NewEndpoint(t, a)
	return a
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.calls++
	broken := a.broken
	a.mu.Unlock()
	switch {
	case broken != nil:
		broken(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/v4/x/task":
		fmt.Fprintf(w, `{"Cluster":"shop","TaskARN":%q,"Family":"shop","Revision":"7","DesiredStatus":"RUNNING","KnownStatus":"RUNNING","LaunchType":%q,"Containers":[]}`, arn, a.launch)
	case r.Method == http.MethodPut && r.URL.Path == "/api/x/task-protection/v1/state":
		a.put(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *agent) put(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		ProtectionEnabled *bool
		ExpiresInMinutes  *int
	}
	if json.Unmarshal(body, &in) != nil || in.ProtectionEnabled == nil || in.ExpiresInMinutes != nil && (*in.ExpiresInMinutes < 1 || *in.ExpiresInMinutes > 2880) {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.protected = *in.ProtectionEnabled
	a.puts = append(a.puts, string(body))
	if a.loseReply {
		panic(http.ErrAbortHandler)
	}
	date := "null"
	if a.protected {
		date = `"2022-10-06T02:29:16Z"`
	}
	fmt.Fprintf(w, `{"protection":{"ExpirationDate":%s,"ProtectionEnabled":%t,"TaskArn":%q}}`, date, a.protected, arn)
}

func (a *agent) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *agent) now() (protected bool, puts, calls int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.protected, len(a.puts), a.calls
}

func task1(a *agent) (*Host, *hosttest.Log) {
	log := new(hosttest.Log)
	return New(Options{Metadata: a.URL() + "/v4/x", Agent: a.URL() + "/api/x", Protect: true, Tick: time.Millisecond, Retry: time.Millisecond}, log.Logger()), log
}

// running runs it with a clock that goes a thousand times as fast, until the
// test stops it.
func running(t *testing.T, h *Host, load func() host.Load) (stop func()) {
	start := time.Now()
	h.now = func() time.Time { return start.Add(1000 * time.Since(start)) }
	return hosttest.Run(t, h, load)
}

func TestProtectionFollowsTheWork(t *testing.T) {
	a := newAgent(t)
	h, log := task1(a)
	var load hosttest.Load
	load.Set(host.Load{State: drain.Serving})
	stop := running(t, h, load.Get)
	load.Looks(t, 20)
	if _, puts, _ := a.now(); puts != 0 {
		t.Errorf("control: an idle task made %d calls", puts)
	}
	protection := func(want bool) {
		t.Helper()
		hosttest.Eventually(t, fmt.Sprintf("protection %t", want), func() bool { got, _, _ := a.now(); return got == want })
	}
	load.Set(host.Load{State: drain.Serving, Streams: 1})
	protection(true)
	_, before, _ := a.now()
	hosttest.Eventually(t, "it is renewed twice", func() bool { _, n, _ := a.now(); return n >= before+2 })
	load.Set(host.Load{State: drain.Serving})
	protection(false)
	load.Set(host.Load{State: drain.Serving, Requests: 1})
	protection(true)
	load.Set(host.Load{State: drain.Withdrawing, Requests: 1, Streams: 5})
	protection(false)
	stop()
	for _, p := range a.puts {
		if p != `{"ProtectionEnabled":false}` && p != `{"ProtectionEnabled":true,"ExpiresInMinutes":10}` {
			t.Errorf("sent %s", p)
		}
	}
	if log.String() != "" {
		t.Errorf("log: %s", log)
	}
}

func TestReleasedAtTheEnd(t *testing.T) {
	a := newAgent(t)
	h, _ := task1(a)
	stop := running(t, h, func() host.Load { return host.Load{State: drain.Serving, Streams: 1} })
	hosttest.Eventually(t, "protection", func() bool { got, _, _ := a.now(); return got })
	stop()
	if got, _, _ := a.now(); got {
		t.Error("still protected after the end")
	}
}

// The agent did what it was asked, but nobody knows: it must be undone.
func TestUnknownOutcomeIsReleased(t *testing.T) {
	a := newAgent(t)
	a.loseReply = true
	h, log := task1(a)
	stop := running(t, h, func() host.Load { return host.Load{State: drain.Serving, Streams: 1} })
	hosttest.Eventually(t, "protection that nobody has heard of", func() bool { got, _, _ := a.now(); return got })
	hosttest.Eventually(t, "trouble", func() bool { return log.Count("fails") == 1 })
	a.set(func() { a.loseReply = false })
	stop()
	if got, _, _ := a.now(); got {
		t.Error("still protected after the end")
	}
}

func TestAgentRestartLosesNothing(t *testing.T) {
	a := newAgent(t)
	h, log := task1(a)
	var load hosttest.Load
	load.Set(host.Load{State: drain.Serving, Streams: 1})
	running(t, h, load.Get)
	hosttest.Eventually(t, "protection", func() bool { got, _, _ := a.now(); return got })
	a.Stop()
	hosttest.Eventually(t, "trouble", func() bool { return log.Count("fails") == 1 })
	_, before, _ := a.now()
	load.Looks(t, 50)
	if n := log.Count("fails"); n != 1 {
		t.Errorf("%d lines for one trouble: %s", n, log)
	}
	a.Start()
	hosttest.Eventually(t, "it is renewed", func() bool { _, n, _ := a.now(); return n > before && log.Count("works again") == 1 })
	a.Stop()
	load.Set(host.Load{State: drain.Draining, Streams: 1}) // what is released meanwhile is not forgotten
	hosttest.Eventually(t, "trouble", func() bool { return log.Count("fails") == 2 })
	a.Start()
	hosttest.Eventually(t, "release", func() bool { got, _, _ := a.now(); return !got })
}

func TestAnAgentThatMisbehavesHoldsNothingUp(t *testing.T) {
	for name, broken := range hosttest.Misbehaviours {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t)
			a.broken = broken
			h, log := task1(a)
			stop := running(t, h, func() host.Load { return host.Load{State: drain.Serving, Streams: 1} })
			hosttest.Eventually(t, "calls", func() bool { _, _, n := a.now(); return n > 0 })
			if name != "hang" {
				hosttest.Eventually(t, "calls", func() bool { _, _, n := a.now(); return n > 2 && log.Count("fails") > 0 })
				if n := log.Count("fails"); n != 1 {
					t.Errorf("%d lines for one trouble: %s", n, log)
				}
			}
			stop() // also while a call hangs
			if log.Count("could not be released") != 1 {
				t.Errorf("log: %s; want that it could not be released", log)
			}
		})
	}
}

func TestWhatTheAgentSays(t *testing.T) {
	tests := []struct {
		name, body string
		code       int
		want, log  string
	}{
		{"not a service's", `{"failure":{"Arn":"` + arn + `","Detail":null,"Reason":"TASK_NOT_VALID"}}`, 200, "TASK_NOT_VALID", "a task of a service"},
		{"forbidden", `{"requestID":"1","error":{"Arn":"` + arn + `","Code":"AccessDeniedException","Message":"User: x is not authorized to perform: ecs:UpdateTaskProtection"}}`, 400, "AccessDeniedException: User: x", "ecs:UpdateTaskProtection in the task role"},
		{"throttled", `{"requestID":"1","error":{"Arn":"` + arn + `","Code":"ThrottlingException","Message":"Rate exceeded"}}`, 400, "ThrottlingException: Rate exceeded", ""},
		{"too late", `{"error":{"Arn":"` + arn + `","Code":"RequestCanceled","Message":"Timed out calling Amazon ECS Task Protection API"}}`, 504, "RequestCanceled", ""},
		{"refused with 200", `{"protection":{"ExpirationDate":null,"ProtectionEnabled":false,"TaskArn":"` + arn + `"}}`, 200, "protection is false, not true", ""},
		{"nothing", `{}`, 200, "neither protection nor failure nor error", ""},
		{"a page", `<html>`, 502, "status 502", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAgent(t)
			a.broken = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				io.WriteString(w, tt.body)
			}
			h, log := task1(a)
			stop := running(t, h, func() host.Load { return host.Load{State: drain.Serving, Streams: 1} })
			hosttest.Eventually(t, "a line", func() bool { return log.Count("fails") > 0 })
			stop()
			if log.Count(tt.want) < 1 || log.Count(tt.log) < 1 {
				t.Errorf("log: %s; want %s and %s", log, tt.want, tt.log)
			}
		})
	}
}

func TestProtectionDecision(t *testing.T) {
	var p protection
	at := time.Unix(1e9, 0)
	for i, s := range []struct {
		pass             time.Duration
		state            drain.State
		requests, stream int
		want             string // on, off or nothing
		fails            bool
	}{
		{time.Second, drain.Serving, 0, 0, "", false},
		{time.Second, drain.Serving, 1, 0, "", false}, // too young
		{4 * time.Second, drain.Serving, 1, 0, "", false},
		{time.Second, drain.Serving, 1, 0, "on", false},
		{time.Second, drain.Serving, 0, 0, "", false}, // idle, but not for long
		{9 * time.Second, drain.Serving, 0, 1, "", false},
		{time.Second, drain.Serving, 0, 0, "", false},
		{9 * time.Second, drain.Serving, 0, 0, "", false},
		{time.Second, drain.Serving, 0, 0, "off", true},
		{time.Second, drain.Serving, 0, 0, "off", false},
		{time.Minute, drain.Serving, 0, 0, "", false},
		{time.Minute, drain.Serving, 0, 9, "", false},
		{time.Minute, drain.Serving, 0, 9, "on", false},
		{4 * time.Minute, drain.Serving, 0, 9, "", false},
		{time.Minute, drain.Serving, 0, 9, "on", false}, // renewed
		{5 * time.Minute, drain.Serving, 7, 0, "on", true},
		{time.Second, drain.Serving, 7, 0, "on", false}, // traffic without an end
		{4 * time.Minute, drain.Serving, 7, 0, "", false},
		{4 * time.Minute, drain.Serving, 7, 0, "on", false},
		{6*time.Minute + 59*time.Second, drain.Serving, 7, 0, "", false},
		{10 * time.Second, drain.Serving, 7, 0, "off", false},
		{time.Hour, drain.Serving, 7, 0, "", false},
		{time.Second, drain.Serving, 0, 0, "", false}, // an idle moment
		{time.Second, drain.Serving, 7, 0, "", false},
		{5 * time.Second, drain.Serving, 7, 0, "on", true}, // it may have been taken
		{time.Second, drain.Withdrawing, 7, 7, "off", true},
		{time.Second, drain.Draining, 7, 7, "off", false},
		{time.Hour, drain.Draining, 7, 7, "", false},
	} {
		at = at.Add(s.pass)
		want, due := p.due(at, host.Load{State: s.state, Requests: s.requests, Streams: s.stream})
		got := ""
		if due {
			got = map[bool]string{true: "on", false: "off"}[want]
			p.tried(want)
			if !s.fails {
				p.done(at, want)
			}
		}
		if got != s.want {
			t.Errorf("step %d: got %q, want %q (%+v)", i, got, s.want, p)
		}
	}
}

func TestGrace(t *testing.T) {
	tests := []struct {
		env, launch string
		want        time.Duration
		from        string
		broken      bool
	}{
		{"", "FARGATE", 30 * time.Second, "the default stopTimeout", false},
		{"60", "FARGATE", time.Minute, "EVENKEEL_GRACE", false},
		{"90s", "EC2", 90 * time.Second, "EVENKEEL_GRACE", false},
		{"10m", "EC2", 10 * time.Minute, "EVENKEEL_GRACE", false},
		{"10m", "FARGATE", 2 * time.Minute, "Fargate's most", false},
		{"10m", "FARGATE", 10 * time.Minute, "launch type is unknown", true},
	}
	for _, tt := range tests {
		a := newAgent(t)
		a.launch = tt.launch
		if tt.broken {
			a.broken = hosttest.Misbehaviours["garbage"]
		}
		h, _ := task1(a)
		h.opt.Grace = tt.env
		got, from, err := h.Grace(t.Context())
		h.client.CloseIdleConnections()
		if err != nil || got != tt.want || !strings.Contains(from, tt.from) {
			t.Errorf("%q on %s: got %v from %q, error %v; want %v from …%s…", tt.env, tt.launch, got, from, err, tt.want, tt.from)
		}
	}
	for _, bad := range []string{"x", "-5s", "0", "60 s", "1e9"} {
		h := New(Options{Grace: bad}, new(hosttest.Log).Logger())
		if _, _, err := h.Grace(t.Context()); err == nil || !strings.Contains(err.Error(), "EVENKEEL_GRACE") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"protection":{"ProtectionEnabled":true}}`), true)
	f.Add([]byte(`{"failure":{"Reason":"TASK_NOT_VALID","Detail":null}}`), true)
	f.Add([]byte(`{"error":{"Code":"","Message":"\u0000"}}`), false)
	f.Fuzz(func(t *testing.T, body []byte, on bool) {
		if err := parse(body, on); err != nil && strings.ContainsAny(err.Error(), "\n\x00\x1b") {
			t.Errorf("error %q", err)
		}
	})
}
