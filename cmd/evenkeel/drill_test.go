package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/probe"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
)

// stage is a drill.yaml for three instances of the service, which the drill
// runs itself, behind a real gateway.
func stage(t *testing.T, store, signal string) (file string) {
	t.Helper()
	dir := t.TempDir()
	first := freePorts(t, 3)
	targets := ""
	for i := range 3 {
		targets += fmt.Sprintf("        - {id: local-%d, address: 127.0.0.1:%d}\n", i+1, first+i)
	}
	gateway := filepath.Join(dir, "evenkeel.yaml")
	writeFile(t, gateway, "version: 1\ngateway:\n  listen: 127.0.0.1:0\n  admin: \"off\"\n  groups:\n    - name: shop\n      routes: [{path: /}]\n"+
		"      health: {path: /readyz, interval: 200ms, timeout: 2s}\n      targets:\n"+targets)
	cmd, _ := command(t, "gateway", "-c", gateway, "--state", "off")
	addr := proctest.Start(t, cmd).WaitLine(patience, `^traffic on (.*)$`)[1]
	file = filepath.Join(dir, "drill.yaml")
	writeFile(t, file, fmt.Sprintf(`version: 1
target: http://%s
users: 30
rate: 150/s
duration: 25s
control: 5s
probe: {secret: "${EVENKEEL_PROBE_SECRET}"}
events:
  every: 5s
  do:
    - local: {stop: random, signal: %s, command: [drillservice, %s], instances: 3, port: %d}
allow_unexercised: [G7, G11]
`, addr, signal, store, first))
	return file
}

// freePorts finds so many ports in a row. Nothing keeps them free.
func freePorts(t *testing.T, n int) (first int) {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first = l.Addr().(*net.TCPAddr).Port
		l.Close()
		free := 0
		for i := range n {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+i))
			if err != nil {
				break
			}
			l.Close()
			free++
		}
		if free == n {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// drillOn runs the command over a drill.yaml, and returns its exit code, its
// result and what it printed.
func drillOn(t *testing.T, file string, args ...string) (code int, r redisResult, out string) {
	t.Helper()
	result := filepath.Join(t.TempDir(), "result.json")
	cmd, _ := command(t, append([]string{"drill", "-c", file, "--json", result}, args...)...)
	cmd.Env = append(cmd.Env, "EVENKEEL_PROBE_SECRET="+drillSecret)
	p := proctest.Start(t, cmd)
	code = p.Wait(3 * time.Minute)
	return code, readResult(t, result), p.Output()
}

// long is for tests of half a minute: -short leaves them out, but not where real
// processes are required.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		proctest.Require(t, "proc", errors.New("left out by -short"))
	}
}

// Sessions in a store outlive the instances, which leave in good order: nobody
// is hurt.
func TestDrillOfAHealthyService(t *testing.T) {
	long(t)
	t.Parallel()
	code, r, out := drillOn(t, stage(t, filepath.Join(t.TempDir(), "sessions.db"), "TERM"))
	if bad := r.bad(); len(bad) > 0 {
		t.Errorf("bad %v: %s", bad, out)
	}
	// A machine that is too busy to tell is no failure of the service.
	if code != 0 && (code != 3 || r.Verdict != "inconclusive") {
		t.Errorf("exit code %d, verdict %q: %s", code, r.Verdict, out)
	}
	if r.exposed("G1") == 0 || r.exposed("G4") == 0 {
		t.Errorf("nothing was examined: %+v", r)
	}
	for _, want := range []string{"drilling http://127.0.0.1:", "(T3, probe)", "required: G1 G2 G3 G4 G5 G6 G8 G9 G10 G12\n", "will not be exercised: G7", "event 1: restart local-"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
}

// Sessions in the processes end with them, and each knows only its own.
func TestDrillOfSessionsInMemory(t *testing.T) {
	long(t)
	t.Parallel()
	code, r, out := drillOn(t, stage(t, "memory", "TERM"), "--for", "14s")
	if code != 1 || r.Verdict != "fail" || r.bad()["G1"] == 0 {
		t.Errorf("exit code %d, verdict %q, bad %v: %s", code, r.Verdict, r.bad(), out)
	}
	if !strings.Contains(out, "G1   session exists   FAIL") || !strings.HasSuffix(strings.TrimSpace(out), "verdict: fail") {
		t.Errorf("the output names no G1: %s", out)
	}
}

// probeHere is the service in this process, and counts what it is asked.
func probeHere(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	manager, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Cookie: session.CookieOptions{InsecureCookie: true}, MaxStarts: -1, Attributes: drillAttributes(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := probe.New(drillSecret, drillCalls(), probe.Options{Instance: "here", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h := manager.Handler(p)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

// startDrill starts the command with the probe's secret.
func startDrill(t *testing.T, secret string, args ...string) *proctest.Process {
	t.Helper()
	cmd, dir := command(t, append([]string{"drill"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "EVENKEEL_PROBE_SECRET="+secret)
	return proctest.Start(t, cmd)
}

// What is wrong is said before there is any load.
func TestDrillAsksLittleBeforeItRefuses(t *testing.T) {
	t.Parallel()
	url, asked := probeHere(t)
	p := startDrill(t, "another-secret-of-24-bytes", "--target", url)
	if code := p.Wait(patience); code != 2 || !strings.Contains(p.Output(), "the probe's login answers 403") {
		t.Errorf("a wrong secret: exit code %d: %s", code, p.Output())
	}
	if n := asked.Load(); n > 3 {
		t.Errorf("%d requests with a wrong secret", n)
	}
	asked.Store(0)
	file := filepath.Join(t.TempDir(), "drill.yaml")
	writeFile(t, file, "version: 1\ntarget: "+url+"\nprobe: {secret: \"${EVENKEEL_PROBE_SECRET}\"}\nevents: {do: [{exec: no-such-command}]}\n")
	p = startDrill(t, drillSecret, "-c", file)
	if code := p.Wait(patience); code != 2 || asked.Load() > 0 {
		t.Errorf("exit code %d after %d requests: %s", code, asked.Load(), p.Output())
	}
}

// The verdict of an event that could not be executed, and its words.
func TestDrillWithAnEventThatFails(t *testing.T) {
	t.Parallel()
	url, _ := probeHere(t)
	file := filepath.Join(t.TempDir(), "drill.yaml")
	writeFile(t, file, "version: 1\ntarget: "+url+"\nusers: 5\nrate: 20/s\nduration: 6s\ncontrol: 1s\nprobe: {secret: \"${EVENKEEL_PROBE_SECRET}\"}\n"+
		"events: {every: 1s, do: [{exec: 'echo the cluster is gone >&2; exit 7'}]}\n")
	kept := filepath.Join(t.TempDir(), "runs", "one")
	result := filepath.Join(t.TempDir(), "again.json")
	code, r, out := drillOn(t, file, "--history", kept, "--junit", result+".xml", "--html", result+".html", "--markdown", result+".md", "--prometheus", result+".prom")
	for _, name := range []string{".xml", ".html", ".md", ".prom"} {
		if info, err := os.Stat(result + name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code != 4 || r.Verdict != "event_failed" || !strings.Contains(out, "exit status 7: the cluster is gone") {
		t.Errorf("exit code %d, verdict %q: %s", code, r.Verdict, out)
	}
}

// What was kept renders the same again, with the same exit code.
func TestDrillReport(t *testing.T) {
	t.Parallel()
	url, _ := probeHere(t)
	dir := t.TempDir()
	kept, first, again := filepath.Join(dir, "kept"), filepath.Join(dir, "first"), filepath.Join(dir, "again")
	p := startDrill(t, drillSecret, "--target", url, "--for", "3s", "--users", "5", "--rate", "20/s", "--history", kept, "--json", first+".json", "--html", first+".html")
	code := p.Wait(patience)
	q := startDrill(t, "", "report", kept, "--json", again+".json", "--html", again+".html")
	if second := q.Wait(patience); code != 3 || second != code {
		t.Errorf("exit codes %d and %d: %s", code, second, q.Output())
	}
	for _, name := range []string{".json", ".html"} {
		a, err := os.ReadFile(first + name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(again + name); err != nil || string(a) != string(b) {
			t.Errorf("%s differs, %v", name, err)
		}
	}
	if q = startDrill(t, "", "report", dir); q.Wait(patience) != 2 {
		t.Errorf("a folder without a record: %s", q.Output())
	}
}

// Ctrl-C ends the load, and what is known is told and written.
func TestDrillInterrupted(t *testing.T) {
	t.Parallel()
	url, asked := probeHere(t)
	result := filepath.Join(t.TempDir(), "result.json")
	p := startDrill(t, drillSecret, "--target", url, "--for", "10m", "--users", "5", "--rate", "20/s", "--json", result)
	p.WaitLine(patience, `^\d\d:\d\d  no violation so far`)
	p.Signal(os.Interrupt)
	if code := p.Wait(patience); code != 130 || !strings.Contains(strings.Join(strings.Fields(p.Output()), " "), "it was interrupted after ") {
		t.Errorf("exit code %d: %s", code, p.Output())
	}
	if r := readResult(t, result); r.Verdict != "inconclusive" || r.Requests.Sent == 0 || asked.Load() == 0 {
		t.Errorf("result %+v", r)
	}
}

// One drill at a time, whose verdict all get who ask.
func TestDrillGate(t *testing.T) {
	t.Parallel()
	url, _ := probeHere(t)
	cmd, dir := command(t, "drill", "serve", "--target", url, "--for", "4s", "--users", "5", "--rate", "40/s", "--listen", "127.0.0.1:0", "--allow-unexercised", "G1,G5,G7,G8,G9,G11")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "EVENKEEL_PROBE_SECRET="+drillSecret, gateTokenVariable+"=open")
	p := proctest.Start(t, cmd)
	gate := p.WaitLine(patience, `^gate on (.*)$`)[1]
	ask := func(method, query, token string, fields ...string) (int, gateAnswer) {
		body := strings.NewReader(`{"name":"shop","metadata":{"token":"` + token + `"}}`)
		req, err := http.NewRequestWithContext(t.Context(), method, gate+query, body)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			req.Header.Set(fields[i], fields[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var a gateAnswer
		_ = json.NewDecoder(resp.Body).Decode(&a) // refusals are text
		return resp.StatusCode, a
	}
	for _, tc := range []struct {
		method, query, token string
		fields               []string
		status               int
		verdict              string
	}{
		{"POST", "", "wrong", nil, 401, ""},
		{"POST", "", "open", []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"POST", "?wait=0s", "open", nil, 425, "running"},
		{"GET", "?wait=0s", "", []string{"Authorization", "Bearer open"}, 425, "running"},
	} {
		if status, a := ask(tc.method, tc.query, tc.token, tc.fields...); status != tc.status || a.Verdict != tc.verdict {
			t.Errorf("%s %s: %d %+v, want %d %s", tc.method, tc.query, status, a, tc.status, tc.verdict)
		}
	}
	if status, _ := ask("GET", "?wait=1000h", "open"); status != 400 {
		t.Errorf("a wait of 1000h: %d", status)
	}
	status, a := ask("POST", "?wait=60s", "open")
	if status != a.status() || a.Verdict == "running" || a.Verdict == "error" || a.Reason == "" {
		t.Errorf("%d %+v: %s", status, a, p.Output())
	}
	if again, b := ask("POST", "?wait=0s", "open"); again != status || !slices.Equal(b.Failed, a.Failed) || b.Verdict != a.Verdict {
		t.Errorf("then %d %+v", again, b)
	}
	if n := strings.Count(p.Output(), "drilling "); n != 1 {
		t.Errorf("%d drills: %s", n, p.Output())
	}
}

func TestGateStatus(t *testing.T) {
	for verdict, status := range map[string]int{
		"pass": 200, "fail": 417, "event_failed": 500, "inconclusive": 503, "not_exercised": 503, "running": 425, "error": 500, "none": 404,
	} {
		if got := (gateAnswer{Verdict: verdict}).status(); got != status {
			t.Errorf("%s: %d, want %d", verdict, got, status)
		}
	}
}
