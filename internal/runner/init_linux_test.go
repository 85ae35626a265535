package runner

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// orphans leaves children behind whose parents have ended, waits until they
// have ended too, and says how many zombies there are. Its own shell keeps one
// zombie, as the control.
const orphans = `
for i in 1 2 3 4 5; do (sleep 0.2 & exec true) & done
wait
sleep 1
count() { n=0; for f in /proc/[0-9]*/stat; do case "$(cat "$f" 2>/dev/null)" in *") Z "*) n=$((n+1));; esac; done; echo "$1 $n"; }
count zombies:
python3 -c '
import os, time
if os.fork() == 0: os._exit(0)
time.sleep(1.5)' &
sleep 0.7
count control:
trap 'echo "told"; exit 5' TERM
while :; do sleep 0.1; done
`

// As process 1 of a PID namespace it reaps what others leave, and passes
// signals on.
func TestAsProcessOne(t *testing.T) {
	proctest.Require(t, "pidns", canUnshare())
	cmd := exec.CommandContext(t.Context(), "unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
		os.Args[0], "--admin", "127.0.0.1:0", "--withdraw", "0s", "--", "sh", "-c", orphans)
	cmd.Env = append(os.Environ(), asRun+"=1")
	p := proctest.Start(t, cmd)
	if n := p.WaitLine(patience, `zombies: (\d+)`)[1]; n != "0" {
		t.Errorf("%s zombies", n)
	}
	if n := p.WaitLine(patience, `control: (\d+)`)[1]; n != "1" {
		t.Errorf("control: a zombie that its parent keeps was counted as %s", n)
	}
	signalOne(t, p)
	if code := p.Wait(patience); code != 5 || !strings.Contains(p.Output(), "told") {
		t.Errorf("exit code %d:\n%s", code, p.Output())
	}
}

func canUnshare() error {
	return exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").Run()
}

// signalOne sends SIGTERM to the process that is 1 in its namespace: the child
// of unshare, which does not pass it on.
func signalOne(t *testing.T, p *proctest.Process) {
	t.Helper()
	for _, child := range childrenOf(t, p.Pid()) {
		if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
}

func childrenOf(t *testing.T, pid int) (list []int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(text)) {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

// A socket that systemd has opened is used: nobody else listens on its port.
func TestASocketUnit(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	addr := ln.Addr().String()
	ln.Close()
	app := proctest.FreePort(t)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, os.Args[0],
		"--listen", ":1", "--app", fmt.Sprintf("127.0.0.1:%d", app), "--admin", "", "--withdraw", "0s", "--", os.Args[0], strconv.Itoa(app))
	cmd.Env = append(os.Environ(), asRun+"=1", asProgram+"=polite")
	cmd.ExtraFiles = []*os.File{f}
	p := proctest.Start(t, cmd)
	p.WaitHTTP(patience, "http://"+addr+"/", http.StatusOK)
	if strings.Contains(p.Output(), "LISTEN_") {
		t.Errorf("the program was told of the socket:\n%s", p.Output())
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(patience); code != 3 {
		t.Errorf("exit code %d", code)
	}
}
