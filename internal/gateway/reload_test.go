package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/internal/gateway/affinity"
	"github.com/evenkeel/evenkeel/internal/target"
)

// logText is a log that a test reads.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *logText) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *logText) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.b.String(), text)
}

// fromFile is a gateway that runs with a configuration file, which is at path.
func fromFile(t *testing.T, text string, edit func(*Options)) (f *fixture, path string, log *logText) {
	t.Helper()
	path = writeFile(t, text)
	opt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log = &logText{}
	opt.Log = slog.New(slog.NewTextHandler(log, nil))
	if edit != nil {
		edit(&opt)
	}
	return start(t, opt), path, log
}

// rewrite replaces a file as a person's editor does.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// conf is a small configuration: groups as text, and what else is under
// gateway.
func conf(groups string, more ...string) string {
	return "version: 1\ngateway:\n  " + strings.Join(append(more, "groups:"), "\n  ") + "\n" + groups
}

func confGroup(name, route, targets string, more ...string) string {
	return fmt.Sprintf("  - {name: %s, routes: [{path: %s}], targets: [%s], health: {path: /}%s}\n", name, route, targets, strings.Join(more, ""))
}

func (f *fixture) ids(t *testing.T, group string) string {
	t.Helper()
	targets, err := f.Targets(group)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, s := range targets {
		out = append(out, s.ID)
	}
	return strings.Join(out, " ")
}

func (f *fixture) config(t *testing.T) (c configJSON) {
	t.Helper()
	a := f.call(t, "GET", "/v1/config", "")
	a.want(t, 200, "")
	if err := json.Unmarshal([]byte(a.body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Each step is a file, what the reload says, and which targets there are then.
func TestReloadSteps(t *testing.T) {
	one := confGroup("shop", "/", "{id: a, address: h:1}")
	f, path, _ := fromFile(t, conf(one), nil)
	if err := f.Register("shop", target.Target{ID: "x", Address: "h:9", Source: SourceAPI}); err != nil {
		t.Fatal(err)
	}
	two := one + confGroup("api", "/api", "{id: c, address: h:3}")
	revision := 1
	for i, step := range []struct{ text, want, shop, api string }{
		{conf(one), "", "a x", `unknown group "api"`},
		{conf(strings.Replace(one, "{id: a, address: h:1}", "{id: a, address: h:1, weight: 5}, {id: b, address: h:2}", 1)), "shop/a: changed; shop/b: registered", "a b x", `unknown group "api"`},
		{conf(one), "shop/a: changed; shop/b: deregistered", "a x", `unknown group "api"`},
		{conf(two), "api/c: registered; api: added", "a x", "c"},
		{conf(strings.Replace(two, "/api", "/v2", 1)), "api: routes [/api] -> [/v2]", "a x", "c"},
		{conf(strings.Replace(two, "health: {path: /}}", "health: {path: /ready, interval: 1s}, deregistration_delay: 20s, on_draining: strict, policy: least_outstanding, retries: {post: always}}", 1)),
			"api: routes [/v2] -> [/api]; shop: deregistration_delay 5m0s -> 20s; shop: health.interval 5s -> 1s; shop: health.path \"/\" -> \"/ready\"; shop: on_draining move -> strict; " +
				"shop: policy round_robin -> least_outstanding; shop: retries.post unsent -> always", "a x", "c"},
		{conf(one, "listen: :1"), `evenkeel.yaml:3:11: gateway.listen: found a change, allowed in a reload: the value it was started with; this key needs a restart`, "a x", "c"},
		{conf(one, "admin: 127.0.0.1:1", "admin_token: something-secret"), `evenkeel.yaml:4:16: gateway.admin_token: found a change`, "a x", "c"},
		{conf(strings.Replace(one, "id: a", "id: x", 1)), `group "shop": invalid: target "x" belongs to the source "api"`, "a x", "c"},
		{conf(one) + "oops", "evenkeel.yaml:5: not valid YAML", "a x", "c"},
		{"", "the file is empty", "a x", "c"},
		{conf(one), "api: removed; shop: deregistration_delay 20s -> 5m0s", "a x", `unknown group "api"`},
	} {
		rewrite(t, path, step.text)
		changes, err := f.Reload(t.Context())
		got := strings.Join(changes, "; ")
		c := f.config(t)
		if err != nil {
			got = err.Error()
			if !strings.Contains("invalid: "+c.LastError, got) {
				t.Errorf("step %d: GET /v1/config has the error %q, not %q", i, c.LastError, got)
			}
		} else if revision++; c.LastError != "" || strings.Join(c.Changes, "; ") != got {
			t.Errorf("step %d: GET /v1/config is %+v", i, c)
		}
		if got != step.want && (step.want == "" || !strings.Contains(got, step.want)) {
			t.Errorf("step %d:\n got %q\nwant %q", i, got, step.want)
		}
		if strings.Contains(got, "something-secret") {
			t.Errorf("step %d prints the token", i)
		}
		if c.Revision != revision {
			t.Errorf("step %d: revision %d, want %d", i, c.Revision, revision)
		}
		if shop, api := f.ids(t, "shop"), f.ids(t, "api"); shop != step.shop || api != step.api {
			t.Errorf("step %d: targets %q and %q", i, shop, api)
		}
	}
	if g := f.groups()[0]; g.OnDraining != target.Move || g.DeregistrationDelay.String() != "5m0s" {
		t.Errorf("the last reload left %+v", g.GroupOptions)
	}
}

// The three ways to a reload: the watch, the API, and the call that SIGHUP
// makes. All of them are told of by /v1/config and the metrics.
func TestReloadWays(t *testing.T) {
	t.Parallel() // it waits for looks at files, each a second apart
	a, b := app(t, "a", nil), app(t, "b", nil)
	text := func(x target.Target) string {
		return conf(confGroup("shop", "/", fmt.Sprintf("{id: %s, address: %q}", x.ID, x.Address)))
	}
	f, path, log := fromFile(t, text(a), nil)
	eventually(t, "a is healthy", func() bool { return f.status(t, "a").State == target.Healthy })

	rewrite(t, path, text(b)) // the watch
	eventually(t, "b serves", func() bool { return once(t, f.addr, "GET", "/", "").body == "b" })
	rewrite(t, path, text(b)+"nonsense")
	eventually(t, "the watch tells the error", func() bool { return f.config(t).LastError != "" })
	once(t, f.addr, "GET", "/", "").want(t, 200, "b")
	f.call(t, "POST", "/v1/reload", "").want(t, 400, "")
	if _, err := f.Reload(t.Context()); err == nil {
		t.Error("no error")
	}
	rewrite(t, path, text(a))
	f.call(t, "POST", "/v1/reload", "").want(t, 200, "")
	if c := f.config(t); c.LastError != "" || c.Revision != 3 {
		t.Errorf("%+v", c)
	}
	metrics := f.call(t, "GET", "/metrics", "").body
	for _, want := range []string{`evenkeel_gateway_reloads_total{result="good"} 2`, `evenkeel_gateway_reloads_total{result="error"} 3`, "evenkeel_gateway_last_reload_failed 0", "evenkeel_gateway_last_reload_timestamp_seconds 1"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
	if n := log.count("reload failed, nothing was changed"); n != 3 {
		t.Errorf("%d lines of failed reloads, want one for each of 3", n)
	}
}

// A reload of everything that can change goes on under requests and a stream,
// and none of them notices.
func TestReloadUnderLoad(t *testing.T) {
	hold := make(chan struct{})
	a := app(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-hold
			io.WriteString(w, "data: 2\n\n")
			return
		}
		io.WriteString(w, "a")
	})
	text := func(more string, groups ...string) string {
		return conf(confGroup("shop", "/", fmt.Sprintf("{id: a, address: %q}", a.Address), more) + strings.Join(groups, ""))
	}
	f, path, _ := fromFile(t, text(""), nil)
	eventually(t, "a is healthy", func() bool { return f.status(t, "a").State == target.Healthy })
	stream := dial(t, f.addr)
	io.WriteString(stream, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(stream.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	sent, bad := 0, []string{}
	for range 4 {
		c := dial(t, f.addr)
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				is := c.do("POST", "/x", "body")
				mu.Lock()
				sent++
				if is.err != nil || is.StatusCode != 200 {
					bad = append(bad, fmt.Sprint(is.err, is.Response))
				}
				mu.Unlock()
				if is.err != nil {
					return
				}
			}
		})
	}
	other := confGroup("api", "/api", "{id: z, address: h:1}")
	for i := range 30 {
		more := []string{", affinity: {mode: cookie}", ", policy: least_outstanding", ", deregistration_delay: 9s", ", health: {path: /, interval: 100ms}"}[i%4]
		text := text(more, other)
		if i%2 == 0 {
			text = strings.Replace(text, other, "", 1)
		}
		rewrite(t, path, strings.Replace(text, ", health: {path: /}, health", ", health", 1))
		if _, err := f.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "some load", func() bool { mu.Lock(); defer mu.Unlock(); return sent > 200 })
	close(stop)
	clients.Wait()
	if len(bad) > 0 {
		t.Errorf("%d of %d requests failed: %s", len(bad), sent, bad[0])
	}
	close(hold)
	if rest, err := io.ReadAll(events); err != nil || !strings.Contains(string(rest), "data: 2") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}

// A key file that is rotated moves nobody, whatever tells the gateway.
func TestReloadKeys(t *testing.T) {
	t.Parallel() // it waits for looks at files, each a second apart
	a, b := app(t, "a", nil), app(t, "b", nil)
	dir := t.TempDir()
	keys, old := filepath.Join(dir, "keys"), ""
	if _, err := affinity.OpenRing(keys); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	old = string(data)
	text := conf(confGroup("shop", "/", fmt.Sprintf("{id: a, address: %q}, {id: b, address: %q}", a.Address, b.Address), ", affinity: {mode: cookie, cookie: ek}"), "keys: {file: "+keys+"}")
	f, _, _ := fromFile(t, text, nil)
	for _, id := range []string{"a", "b"} {
		eventually(t, id+" is healthy", func() bool { return f.status(t, id).State == target.Healthy })
	}
	first := once(t, f.addr, "GET", "/", "")
	cookie := first.cookie()
	rewrite(t, keys, strings.Repeat("B", 43)+"=\n"+old)
	eventually(t, "the watch sees the new key", func() bool { return f.config(t).Revision == 2 })
	second := once(t, f.addr, "GET", "/", "", cookie)
	second.want(t, 200, first.body)
	if next := second.cookie(); next == "" || next == cookie {
		t.Errorf("no cookie by the new key: %q", next)
	}
	rewrite(t, keys, "# none\n")
	eventually(t, "the watch tells the error", func() bool { return strings.Contains(f.config(t).LastError, "gateway.keys.file") })
	once(t, f.addr, "GET", "/", "", second.cookie()).want(t, 200, first.body)
}

func TestReloadWithoutAFile(t *testing.T) {
	f := start(t, options(shop()))
	f.call(t, "POST", "/v1/reload", "").want(t, 409, "")
	if _, err := f.Reload(t.Context()); err == nil || f.config(t).Revision != 1 {
		t.Errorf("got %v", err)
	}
}

// A group may change where its targets come from; those of before stay until
// the new source has told of its own.
func TestReloadChangesTheSource(t *testing.T) {
	t.Parallel() // it waits for looks at files, each a second apart
	a, b := app(t, "a", nil), app(t, "b", nil)
	list := filepath.Join(t.TempDir(), "targets.yaml")
	group := func(rest string) string {
		return conf("  - {name: shop, routes: [{path: /}], " + rest + "}\n")
	}
	f, path, log := fromFile(t, group("targets: []"), nil) // nobody is there
	once(t, f.addr, "GET", "/", "").want(t, 503, "")
	f.call(t, "GET", "/readyz", "").want(t, 503, "")
	step := func(text string) {
		t.Helper()
		rewrite(t, path, text)
		if _, err := f.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step(group(fmt.Sprintf("targets: [{id: a, address: %q}]", a.Address)))
	eventually(t, "a serves", func() bool { return once(t, f.addr, "GET", "/", "").body == "a" })
	step(group("discover: {file: " + list + "}"))
	eventually(t, "the source is lost", func() bool {
		return strings.Contains(f.call(t, "GET", "/metrics", "").body, `evenkeel_gateway_discovery_lost{group="shop",source="file"} 1`)
	})
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	rewrite(t, list, fmt.Sprintf("- {id: b, address: %q}\n", b.Address))
	eventually(t, "b serves alone", func() bool { return f.ids(t, "shop") == "b" && once(t, f.addr, "GET", "/", "").body == "b" })
	eventually(t, "the log says that the source was lost", func() bool { return log.count("targets cannot be discovered") == 1 })
	step(group("discover: {dns: {name: nowhere.invalid, port: 1, resolver: \"127.0.0.1:1\", interval: 100ms, timeout: 100ms}}"))
	eventually(t, "DNS is lost", func() bool {
		s := f.Stats().Config.Sources
		return len(s) == 1 && s[0].Source == "dns" && s[0].Errors > 1
	})
	once(t, f.addr, "GET", "/", "").want(t, 200, "b")
	eventually(t, "the log says so", func() bool { return log.count("targets cannot be discovered") == 2 })
	step(group(fmt.Sprintf("targets: [{id: a, address: %q}]", a.Address)))
	eventually(t, "a serves alone", func() bool { return f.ids(t, "shop") == "a" && once(t, f.addr, "GET", "/", "").body == "a" })
	rewrite(t, list, "[]")
	step(group("targets: []"))
	eventually(t, "nobody", func() bool { return f.ids(t, "shop") == "" })
}

// A group without routes has unused targets, until it gets one.
func TestReloadRoutes(t *testing.T) {
	a := app(t, "a", nil)
	text := func(routes, health string) string {
		return conf(fmt.Sprintf("  - {name: shop, routes: [%s], health: {%s}, targets: [{id: a, address: %q}]}\n", routes, health, a.Address))
	}
	f, path, _ := fromFile(t, text("", "path: /"), nil)
	for _, routes := range []string{"{path: /}", "", "{path: /a}, {path: /b}", ""} {
		rewrite(t, path, text(routes, "path: /"))
		if _, err := f.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := target.Healthy
		if routes == "" {
			want = target.Unused
			once(t, f.addr, "GET", "/a", "").want(t, 404, "")
		}
		eventually(t, want.String(), func() bool { return f.status(t, "a").State == want })
		if routes != "" {
			once(t, f.addr, "GET", "/a", "").want(t, 200, "a")
		}
	}
}
