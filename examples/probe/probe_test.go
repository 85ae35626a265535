// Package probe holds no code: its tests run the drill against the probes for
// other languages, each in an application with the sessions of its framework.
//
//	EVENKEEL_REQUIRE=npm,pypi,maven go test ./examples/probe -v
//
// They install packages, so a test runs only where its registry is named.
package probe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

const (
	secret   = "a-secret-of-more-than-24-bytes"
	starting = 90 * time.Second // of an instance, on a busy machine
)

// require skips the test, which installs packages, unless EVENKEEL_REQUIRE names
// the registry; what cannot be installed then is a failure.
func require(t *testing.T, registry string) {
	t.Helper()
	if !proctest.Required(registry) {
		proctest.Require(t, registry, errors.New("it was not asked for, and this installs packages"))
	}
}

// folder is a copy of the example, in which to install.
func folder(t *testing.T, example string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func install(t *testing.T, dir, name string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
}

// start runs the program, with %d in its arguments for the port, as an instance.
func start(t *testing.T, dir, instance string, environment []string, program ...string) (url string) {
	t.Helper()
	port := proctest.FreePort(t)
	arguments := make([]string, 0, len(program))
	for _, a := range program[1:] {
		arguments = append(arguments, strings.ReplaceAll(a, "%d", fmt.Sprint(port)))
	}
	cmd := exec.Command(program[0], arguments...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "EVENKEEL_PROBE_SECRET="+secret, "INSTANCE="+instance, fmt.Sprintf("PORT=%d", port))
	cmd.Env = append(cmd.Env, environment...)
	p := proctest.Start(t, cmd)
	p.WaitPort(starting, fmt.Sprintf("127.0.0.1:%d", port))
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// look has users work with the instances, each new connection with the next
// one, for eight seconds.
func look(t *testing.T, urls ...string) check.Outcome {
	t.Helper()
	r, err := drill.New(drill.Options{Load: engine.Options{
		Targets: urls, Dialect: engine.Probe{Secret: secret}, Users: 20,
		Pace: engine.Pace{Think: 150 * time.Millisecond}, Duration: 8 * time.Second,
		Slow: engine.Slow{Time: 300 * time.Millisecond},
	}})
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := result.Outcome
	row := fmt.Sprintf("%d requests:", out.Requests.Sent)
	for _, g := range out.Guarantees {
		row += fmt.Sprintf(" %v %d/%d", g.ID, g.Bad+g.Unattributed, g.Exposed)
	}
	t.Log(row)
	told := map[check.ID]bool{}
	for _, v := range out.Violations {
		if !told[v.Guarantee] {
			t.Log(v.Guarantee, v.Grade, v.Detail, v.Failure)
		}
		told[v.Guarantee] = true
	}
	return out
}

// found is how often the guarantee was violated, in whatever window.
func found(out check.Outcome, id check.ID) int {
	g := out.Guarantee(id)
	return g.Bad + g.Unattributed
}

// losesSessions wants lost sessions found.
func losesSessions(t *testing.T, out check.Outcome) {
	t.Helper()
	if found(out, check.G1) == 0 {
		t.Errorf("no lost session was found, in %d exposures", out.Guarantee(check.G1).Exposed)
	}
}

// losesUpdates wants what sharing a store is for, sessions that are nobody
// else's and users who keep theirs for the most part, and the updates found that
// the framework loses all the same, where it saves a session, or the attribute
// that two requests change, as a whole. It does not want each session to live:
// an answer to a request that overlapped a renewal may take the cookie away.
func losesUpdates(t *testing.T, out check.Outcome, lost ...check.ID) {
	t.Helper()
	if n := found(out, check.G6); n > 0 {
		t.Errorf("%d answers were somebody else's", n)
	}
	if n, all := found(out, check.G1), out.Guarantee(check.G1).Exposed; 4*n > 3*all {
		t.Errorf("%d sessions of %d were lost", n, all)
	}
	for _, id := range lost {
		if found(out, id) == 0 {
			t.Errorf("%v (%s) is broken and was not found, in %d exposures", id, id.Name(), out.Guarantee(id).Exposed)
		}
	}
}

func TestExpress(t *testing.T) {
	require(t, "npm")
	dir := folder(t, "express")
	install(t, dir, "npm", "install", "--no-audit", "--no-fund")
	instances := func(t *testing.T, store string) []string {
		return []string{
			start(t, dir, "one", []string{"STORE=" + store}, "node", "server.js"),
			start(t, dir, "two", []string{"STORE=" + store}, "node", "server.js"),
		}
	}
	t.Run("memory", func(t *testing.T) { losesSessions(t, look(t, instances(t, "memory")...)) })
	t.Run("shared", func(t *testing.T) { losesUpdates(t, look(t, instances(t, t.TempDir())...), check.G4, check.G5) })
}

func TestDjango(t *testing.T) {
	require(t, "pypi")
	dir := folder(t, "django")
	install(t, dir, "python3", "-m", "venv", "env")
	bin := filepath.Join(dir, "env", "bin")
	install(t, dir, filepath.Join(bin, "pip"), "install", "-q", "-r", "requirements.txt")
	instances := func(t *testing.T, sessions string) []string {
		serve := []string{filepath.Join(bin, "waitress-serve"), "--listen=127.0.0.1:%d", "--threads=48", "server:application"}
		return []string{
			start(t, dir, "one", []string{"SESSIONS=" + sessions}, serve...),
			start(t, dir, "two", []string{"SESSIONS=" + sessions}, serve...),
		}
	}
	t.Run("memory", func(t *testing.T) { losesSessions(t, look(t, instances(t, "locmem")...)) })
	t.Run("shared", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "sessions.db")
		install(t, dir, "env", "SESSIONS="+file, filepath.Join(bin, "python"), "server.py", "migrate")
		losesUpdates(t, look(t, instances(t, file)...), check.G4, check.G5)
	})
}

func TestSpring(t *testing.T) {
	require(t, "maven")
	dir := folder(t, "spring")
	install(t, dir, "mvn", "-q", "-B", "package")
	instances := func(t *testing.T, environment ...string) []string {
		serve := []string{"java", "-Xmx256m", "-jar", "target/probe-spring.jar", "--server.port=%d"}
		return []string{start(t, dir, "one", environment, serve...), start(t, dir, "two", environment, serve...)}
	}
	t.Run("memory", func(t *testing.T) { losesSessions(t, look(t, instances(t)...)) })
	t.Run("shared", func(t *testing.T) {
		shared := instances(t, "SPRING_PROFILES_ACTIVE=jdbc", "SESSIONS="+filepath.Join(t.TempDir(), "sessions"))
		losesUpdates(t, look(t, shared...), check.G5) // it saves attributes one by one
	})
}

// What is to be copied stays short, and knows all the calls.
func TestFiles(t *testing.T) {
	for _, file := range []string{"express/probe.js", "django/probe.py", "spring/src/main/java/probe/Probe.java", "laravel/probe.php"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if n := strings.Count(text, "\n"); n > 60 {
			t.Errorf("%s has %d lines, more than 60", file, n)
		}
		for _, call := range []string{"login", "append", "state", "incr", "rotate", "logout", "slow", "stream", "Last-Event-ID", "EVENKEEL_PROBE_SECRET", "24", "drill:"} {
			if !strings.Contains(text, call) {
				t.Errorf("%s says nothing of %s", file, call)
			}
		}
	}
}
