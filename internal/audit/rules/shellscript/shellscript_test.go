package shellscript

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestLastCommand(t *testing.T) {
	for _, c := range []struct {
		script, last, mended string // mended empty: not by exec
		ok                   bool
	}{
		{"java -jar a.jar", "java -jar a.jar", "exec java -jar a.jar", true},
		{"java -jar a.jar\n", "java -jar a.jar", "exec java -jar a.jar\n", true},
		{"cd /srv && A=1 B='x; y' node s.js", "node s.js", "cd /srv && A=1 B='x; y' exec node s.js", true},
		{"setup; /srv/app 2>&1", "/srv/app 2>&1", "setup; exec /srv/app 2>&1", true},
		{"app --x 'a && b'", "app --x 'a && b'", "exec app --x 'a && b'", true},
		{"app | tee log", "the program", "", true},
		{"app & wait", "the program", "", true},
		{"exec app", "", "", false},
		{"setup && exec app", "", "", false},
		{"trap stop TERM; app", "", "", false},
		{"tini -- app", "", "", false},
		{"app || exit 1", "", "", false},
		{"app; echo done", "", "", false},
		{"while true; do app; done", "", "", false},
		{"if x; then app; fi", "", "", false},
		{"run() { app; }; run", "", "", false},
		{"sleep infinity", "", "", false},
		{". ./env.sh", "", "", false},
		{`"$@"`, "", "", false},
		{"$CMD", "", "", false},
		{"app # comment", "", "", false},
		{"app 'open", "", "", false},
		{"", "", "", false},
	} {
		last, at, ok := LastCommand(c.script)
		if ok != c.ok || ok && last != c.last {
			t.Errorf("%q: %q, %v", c.script, last, ok)
			continue
		}
		mended := ""
		if ok && at >= 0 {
			mended = c.script[:at] + "exec " + c.script[at:]
		}
		if mended != c.mended {
			t.Errorf("%q: mended to %q, want %q", c.script, mended, c.mended)
		}
	}
}

// What the rule says of shells is so with real ones: where it finds something
// the shell stays the first process, and where it mends the program takes its
// place.
func TestShellsStay(t *testing.T) {
	server := filepath.Join(t.TempDir(), "server")
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sleep, server); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"dash", "bash"} {
		proctest.Require(t, "proc", hasProgram(shell))
		for _, script := range []string{server + " 60", "true && " + server + " 60", "true; A=1 " + server + " 60", server + " 60 | cat", server + " 60 >/dev/null", server + " 60 & wait"} {
			t.Run(shell+" "+strings.ReplaceAll(script, server, "server"), func(t *testing.T) {
				last, at, ok := LastCommand(script)
				if !ok {
					t.Fatal("not found")
				}
				found := at < 0 || !ReplacesItself("registry.example/x", shell, last)
				if got := stays(t, shell, script); found && !got {
					t.Error("found, but the shell becomes the program")
				} else if !found && got {
					t.Error("not found, but the shell stays")
				}
				if at >= 0 && stays(t, shell, script[:at]+"exec "+script[at:]) {
					t.Error("mended, but the shell stays")
				}
			})
		}
	}
}

// hasProgram is what is missing to look at a shell's processes.
func hasProgram(name string) error {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		return err
	}
	_, err := exec.LookPath(name)
	return err
}

// stays reports whether the shell is still the first process when the server
// runs.
func stays(t *testing.T, shell, script string) bool {
	t.Helper()
	p := proctest.Start(t, exec.Command(shell, "-c", script))
	defer p.Kill()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.HasSuffix(first(fmt.Sprintf("/proc/%d/cmdline", p.Pid())), "/server") {
			return false
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.Pid(), p.Pid()))
		for child := range strings.FieldsSeq(string(children)) {
			if strings.HasSuffix(first("/proc/"+child+"/cmdline"), "/server") {
				return true
			}
		}
	}
	t.Fatal("the server did not start")
	return false
}

// first is the first word of a command line.
func first(path string) string {
	data, _ := os.ReadFile(path)
	word, _, _ := strings.Cut(string(data), "\x00")
	return word
}
