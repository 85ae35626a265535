package ec2

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// cloud is the metadata service (IMDSv2: "Use the Instance Metadata Service",
// Amazon EC2 User Guide) and, below /asg, the Auto Scaling service (query API
// 2011-01-01, errors of Amazon EC2 Auto Scaling API Reference, "Common
// errors").
type cloud struct {
	*hosttest.Endpoint

	mu        sync.Mutex
	tokens    int
	token     string
	items     map[string]string
	broken    http.HandlerFunc // of the metadata service
	brokenASG http.HandlerFunc
	calls     int
	asgCalls  int
	completed []url.Values
	strange   []string
	loseReply bool // do what is asked, and hang up
}

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func newCloud(t *testing.T) *cloud {
	c := &cloud{items: map[string]string{
		"instance-id": "i-1234567890abcdef0", "placement/region": "eu-central-1", "services/domain": "amazonaws.com",
		"autoscaling/target-lifecycle-state":      "InService",
		"tags/instance/aws:autoscaling:groupName": "shop-group",
		"iam/security-credentials/":               "shop-role",
		"iam/security-credentials/shop-role":      `{"Code":"Success","LastUpdated":"2012-04-26T16:39:16Z","Type":"AWS-HMAC","AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"` + secret + `","Token":"session","Expiration":"2017-05-17T15:09:54Z"}`,
	}}
	c.Endpoint = hosttest.NewEndpoint(t, c)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	broken := c.broken
	if strings.HasPrefix(r.URL.Path, "/asg") {
		c.asgCalls++
		broken = c.brokenASG
	} else {
		c.calls++
	}
	c.mu.Unlock()
	if broken != nil {
		broken(w, r)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	item, isItem := strings.CutPrefix(r.URL.Path, "/latest/meta-data/")
	switch {
	case r.URL.Path == "/asg/" && r.Method == http.MethodPost:
		c.complete(w, r)
	case r.URL.Path == "/latest/api/token" && r.Method == http.MethodPut && r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "21600":
		c.tokens++
		c.token = fmt.Sprintf("token-%d==", c.tokens)
		io.WriteString(w, c.token)
	case !isItem || r.Method != http.MethodGet:
		c.strange = append(c.strange, r.Method+" "+r.URL.Path)
		http.Error(w, "bad", http.StatusBadRequest)
	case c.token == "" || r.Header.Get("X-aws-ec2-metadata-token") != c.token:
		http.Error(w, "unauthorized", http.StatusUnauthorized)
	case c.items[item] == "":
		http.NotFound(w, r)
	default:
		io.WriteString(w, c.items[item])
	}
}

// complete checks the signature by signing again.
func (c *cloud) complete(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	at, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	want := http.Header{"Content-Type": r.Header["Content-Type"]}
	credentials{"AKIDEXAMPLE", secret, "session"}.sign(want, r.Method, r.Host, string(body), "eu-central-1", "autoscaling", at)
	if err != nil || r.Header.Get("Authorization") != want.Get("Authorization") {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `<ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>`)
		return
	}
	if len(c.completed) > 0 {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `<ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>No active Lifecycle Action found with instance ID i-1234567890abcdef0</Message></Error><RequestId>1</RequestId></ErrorResponse>`)
		return
	}
	c.completed = append(c.completed, form)
	if c.loseReply {
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, `<CompleteLifecycleActionResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><CompleteLifecycleActionResult/><ResponseMetadata><RequestId>7c6e177f</RequestId></ResponseMetadata></CompleteLifecycleActionResponse>`)
}

func (c *cloud) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cloud) now() (completed, calls, asgCalls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.completed), c.calls, c.asgCalls
}

func (c *cloud) host(hook string) (*Host, *hosttest.Log) {
	log := new(hosttest.Log)
	return New(Options{Endpoint: c.URL(), AutoScaling: c.URL() + "/asg", Hook: hook, Tick: time.Millisecond, Poll: time.Millisecond}, log.Logger()), log
}

// ended waits for the channel of Notices, so that no goroutine is left.
func ended(t *testing.T, c <-chan host.Notice) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case _, open := <-c:
			if !open {
				return
			}
		case <-timeout:
			t.Fatal("the channel is open")
		}
	}
}

func next(t *testing.T, c <-chan host.Notice) host.Notice {
	t.Helper()
	select {
	case n := <-c:
		return n
	case <-time.After(30 * time.Second):
		t.Fatal("no notice")
		return host.Notice{}
	}
}

func TestNotices(t *testing.T) {
	c := newCloud(t)
	h, log := c.host("")
	ctx, cancel := context.WithCancel(t.Context())
	notices := h.Notices(ctx)
	hosttest.Eventually(t, "looks", func() bool { _, n, _ := c.now(); return n > 10 })
	if len(notices) != 0 {
		t.Error("control: a notice of nothing")
	}
	c.set(func() { c.token = "restarted" }) // a token that is no longer accepted is replaced
	c.set(func() { c.items["spot/instance-action"] = `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}` })
	if n := next(t, notices); n.Reason != "spot interruption: terminate" || !n.At.Equal(time.Date(2017, 9, 18, 8, 22, 0, 0, time.UTC)) {
		t.Errorf("got %+v", n)
	}
	c.set(func() { c.items["autoscaling/target-lifecycle-state"] = "Standby" })
	_, calls, _ := c.now()
	hosttest.Eventually(t, "looks", func() bool { _, n, _ := c.now(); return n > calls+10 })
	if len(notices) != 0 {
		t.Error("a notice twice, or of Standby")
	}
	c.set(func() { c.items["autoscaling/target-lifecycle-state"] = "Terminated" })
	if n := next(t, notices); n.Reason != "auto scaling: Terminated" || !n.At.IsZero() {
		t.Errorf("got %+v", n)
	}
	cancel()
	ended(t, notices)
	if len(c.strange) > 0 || log.String() != "" {
		t.Errorf("strange calls %q, log %s", c.strange, log)
	}
}

func TestSpotFormats(t *testing.T) {
	tests := []struct {
		text      string
		want, bad bool
	}{
		{`{"action":"stop","time":"2017-09-18T08:22:00"}`, true, false},
		{`{"action":"terminate","time":"soon"}`, true, false},
		{`{"action":"hibernate","time":"2017-09-18T08:22:00Z"}`, false, false},
		{`{"action":"dance"}`, false, true},
		{`{}`, false, true},
		{`<html>`, false, true},
	}
	for _, tt := range tests {
		n, err := parseSpot(tt.text)
		if (n != nil) != tt.want || (err != nil) != tt.bad {
			t.Errorf("%s: got %+v, error %v", tt.text, n, err)
		}
	}
}

func TestMetadataThatMisbehaveAreNoNotice(t *testing.T) {
	for name, broken := range hosttest.Misbehaviours {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.broken = broken
			h, log := c.host("hook")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			notices := h.Notices(ctx)
			stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Stopped} })
			hosttest.Eventually(t, "calls", func() bool { _, n, _ := c.now(); return n > 3 || name == "hang" && n > 0 })
			stop()
			cancel()
			if n, open := <-notices; open {
				t.Errorf("notice %+v", n)
			}
			if n := log.Count("endpoint fails"); n > 2 { // one for each of the two
				t.Errorf("%d lines for one trouble: %s", n, log)
			}
			if _, _, asg := c.now(); asg != 0 {
				t.Error("the service was called")
			}
		})
	}
}

func TestCompletesWhenEverythingIsDone(t *testing.T) {
	c := newCloud(t)
	h, log := c.host("shop-hook")
	var load hosttest.Load
	load.Set(host.Load{State: drain.Serving})
	stop := hosttest.Run(t, h, load.Get)
	load.Looks(t, 5)
	if _, n, _ := c.now(); n != 0 {
		t.Errorf("control: %d calls while it serves", n)
	}
	c.set(func() { c.items["autoscaling/target-lifecycle-state"] = "Terminated" })
	load.Set(host.Load{State: drain.Draining, Requests: 1})
	hosttest.Eventually(t, "looks", func() bool { _, n, _ := c.now(); return n >= 2 })
	load.Set(host.Load{State: drain.Flushing})
	load.Looks(t, 20)
	if n, _, _ := c.now(); n != 0 {
		t.Error("completed before the process was done")
	}
	load.Set(host.Load{State: drain.Stopped})
	hosttest.Eventually(t, "completion", func() bool { return log.Count("is completed") == 1 })
	stop()
	if n, _, _ := c.now(); n != 1 {
		t.Errorf("completed %d times", n)
	}
	want := url.Values{
		"Action": {"CompleteLifecycleAction"}, "Version": {"2011-01-01"}, "AutoScalingGroupName": {"shop-group"},
		"LifecycleHookName": {"shop-hook"}, "InstanceId": {"i-1234567890abcdef0"}, "LifecycleActionResult": {"CONTINUE"},
	}
	if got := c.completed[0]; got.Encode() != want.Encode() {
		t.Errorf("got %v, want %v", got, want)
	}
	if log.Count("WARN") != 0 || strings.Contains(log.String(), secret) {
		t.Errorf("log: %s", log)
	}
}

// The first call has done it, but nobody knows.
func TestAnAnswerThatIsLost(t *testing.T) {
	c := newCloud(t)
	c.items["autoscaling/target-lifecycle-state"] = "Terminated"
	c.loseReply = true
	h, log := c.host("shop-hook")
	stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Stopped} })
	hosttest.Eventually(t, "it knows", func() bool { return log.Count("no lifecycle action to complete") == 1 })
	stop()
	if n, _, _ := c.now(); n != 1 || log.Count("its timeout decides") != 0 {
		t.Errorf("completed %d times, log %s", n, log)
	}
}

// A process that ends before anybody has looked at its state.
func TestCompletesLate(t *testing.T) {
	for _, state := range []string{"Terminated", "InService"} {
		c := newCloud(t)
		c.items["autoscaling/target-lifecycle-state"] = state
		h, log := c.host("shop-hook")
		h.opt.Poll = time.Hour
		var load hosttest.Load
		load.Set(host.Load{State: drain.Draining, Requests: 1})
		stop := hosttest.Run(t, h, load.Get)
		load.Looks(t, 3)
		stop()
		if n, _, _ := c.now(); (n == 1) != (state == "Terminated") || log.Count("WARN") != 0 {
			t.Errorf("%s: completed %d times, log %s", state, n, log)
		}
	}
}

func TestAServiceThatMisbehavesHoldsNothingUp(t *testing.T) {
	for name, broken := range hosttest.Misbehaviours {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.items["autoscaling/target-lifecycle-state"] = "Terminated"
			c.brokenASG = broken
			h, log := c.host("shop-hook")
			stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Stopped} })
			hosttest.Eventually(t, "calls", func() bool { _, _, n := c.now(); return n > 2 || name == "hang" && n > 0 })
			stop()
			if log.Count("its timeout decides") != 1 || log.Count("endpoint fails") > 1 {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		change func(*cloud)
		want   string
	}{
		{"no group", func(c *cloud) { delete(c.items, "tags/instance/aws:autoscaling:groupName") }, "EVENKEEL_EC2_AUTO_SCALING_GROUP"},
		{"no role", func(c *cloud) { delete(c.items, "iam/security-credentials/") }, "no role"},
		{"no credentials", func(c *cloud) {
			c.items["iam/security-credentials/shop-role"] = `{"Code":"Failed","SecretAccessKey":"` + secret + `"}`
		}, `code \"Failed\"`},
		{"other credentials", func(c *cloud) {
			c.items["iam/security-credentials/shop-role"] = strings.Replace(c.items["iam/security-credentials/shop-role"], "wJal", "xxxx", 1)
		}, "SignatureDoesNotMatch: no"},
		{"a region from elsewhere", func(c *cloud) { c.items["placement/region"] = "evil.example/" }, `region \"evil.example/\"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			c.items["autoscaling/target-lifecycle-state"] = "Terminated"
			tt.change(c)
			h, log := c.host("shop-hook")
			stop := hosttest.Run(t, h, func() host.Load { return host.Load{State: drain.Stopped} })
			hosttest.Eventually(t, "trouble", func() bool { return log.Count("endpoint fails") > 0 })
			stop()
			if log.Count(tt.want) == 0 || strings.Contains(log.String(), secret) {
				t.Errorf("log: %s; want %s", log, tt.want)
			}
		})
	}
}

func TestServerIsTheRegions(t *testing.T) {
	c := newCloud(t)
	h, _ := c.host("shop-hook")
	h.opt.AutoScaling = ""
	defer h.imds.close()
	if _, server, err := h.service(t.Context()); err != nil || server != "https://autoscaling.eu-central-1.amazonaws.com" {
		t.Errorf("got %s, error %v", server, err)
	}
}

func FuzzSpot(f *testing.F) {
	f.Add(`{"action":"terminate","time":"2017-09-18T08:22:00Z"}`)
	f.Add(`{"action":"hibernate"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSpot(text); err != nil && (n != nil || strings.ContainsAny(err.Error(), "\n\x1b")) {
			t.Errorf("%q: %+v, error %q", text, n, err)
		}
	})
}

func FuzzCredentials(f *testing.F) {
	f.Add(`{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"b","Token":"c"}`)
	f.Add(`{"Code":"Success","AccessKeyId":"a\r\nX: y","SecretAccessKey":"b"}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCredentials(text)
		if err == nil && strings.ContainsAny(c.id+c.token, "\r\n ") {
			t.Errorf("%q: %q %q", text, c.id, c.token)
		}
	})
}
