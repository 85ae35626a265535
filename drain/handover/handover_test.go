//go:build unix

package handover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// roleVariable makes the test binary a new process for the tests to start.
const roleVariable = "HANDOVER_ROLE"

// Each role is a new process with what it has inherited.
var roles = map[string]func(*Inherited) error{
	"serves":   func(in *Inherited) error { return serve(in, "new") },
	"refuses":  func(*Inherited) error { return errors.New("bad configuration") },
	"hangs":    func(*Inherited) error { select {} },
	"babbles":  func(in *Inherited) error { in.before.say("hello"); select {} },
	"dies":     func(in *Inherited) error { return errors.Join(in.Prepared(), errors.New("later")) },
	"hangs up": func(in *Inherited) error { in.Prepared(); in.before.close(); select {} },
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	time.AfterFunc(time.Minute, func() { os.Exit(9) }) // a test that died leaves none of them
	in, err := Inherit("traffic", "admin")
	if err == nil {
		err = role(in)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// serve answers each connection with who it is, until one says "end".
func serve(in *Inherited, who string) error {
	if err := in.Prepared(); err != nil {
		return err
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, ownVariable) || strings.HasPrefix(v, "LISTEN_") {
			return fmt.Errorf("left in the environment: %s", v)
		}
	}
	if in.Take("traffic", ":2") != nil {
		return errors.New("a listener for another address")
	}
	ln, admin := in.Take("traffic", ":1"), in.Take("admin", ":1")
	if ln == nil || admin == nil || in.Take("traffic", ":1") != nil {
		return errors.New("no listeners")
	}
	go func() {
		<-ln.Accepting()
		in.Serving()
	}()
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(c, "%s %s\n", who, strings.TrimSpace(line))
		c.Close()
		if line == "end\n" {
			return nil
		}
	}
}

// say sends a line on a connection of its own and returns the answer.
func say(t *testing.T, addr, line string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintln(c, line)
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func listen(t *testing.T) *Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Wrap(ln, ":1")
	t.Cleanup(func() { l.Close() })
	return l
}

func upgradeTo(t *testing.T, role string, traffic *Listener) Upgrade {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleVariable, role)
	t.Setenv("LISTEN_FDS", "7") // of somebody else: must not be passed on
	return Upgrade{Command: []string{self}, Listeners: []Named{{"traffic", traffic}, {"admin", listen(t)}}}
}

// hooksOf notes what an upgrade calls.
func hooksOf(u *Upgrade) *string {
	called := new(string)
	u.Release = func() (func() error, error) {
		*called += "release "
		return func() error { *called += "retake "; return nil }, nil
	}
	return called
}

// The same socket before and after; a connection of the old process lives on.
func TestUpgrade(t *testing.T) {
	ln := listen(t)
	accepted := make(chan net.Conn, 1)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	there, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here := <-accepted

	u := upgradeTo(t, "serves", ln)
	hooks := hooksOf(&u)
	pid, err := u.Run(t.Context())
	if err != nil || pid <= 0 {
		t.Fatalf("%d, %v", pid, err)
	}
	if err := ln.Stop(); err != nil {
		t.Error(err)
	}
	for i := range 20 {
		if got := say(t, ln.Addr().String(), fmt.Sprint(i)); got != fmt.Sprintf("new %d\n", i) {
			t.Errorf("got %q", got)
		}
	}
	fmt.Fprintln(here, "still here")
	if line, err := bufio.NewReader(there).ReadString('\n'); line != "still here\n" {
		t.Errorf("%q, %v", line, err)
	}
	select {
	case err := <-ended:
		t.Errorf("the server noticed the stop: %v", err)
	default:
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if *hooks != "release " {
		t.Errorf("hooks %q", *hooks)
	}
	say(t, ln.Addr().String(), "end")
}

// Whatever the new process does wrong, the old one accepts as before, and can
// try again.
func TestFailedUpgrade(t *testing.T) {
	ln := listen(t)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "old\n")
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	ask := func() string {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		return string(b)
	}
	for role, want := range map[string]struct{ err, hooks string }{
		"refuses":  {"has ended: exit status 2", ""},
		"hangs":    {"was not prepared within 1s", ""},
		"babbles":  {`it said "hello", not "prepared"`, ""},
		"dies":     {"has ended: exit status 2", "release retake "},
		"hangs up": {"EOF", "release retake "},
	} {
		u := upgradeTo(t, role, ln)
		hooks := hooksOf(&u)
		if u.Timeout = 20 * time.Second; role == "hangs" || role == "babbles" || role == "hangs up" {
			u.Timeout = time.Second
		}
		if _, err := u.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: got %v, want %q", role, err, want.err)
		}
		if *hooks != want.hooks {
			t.Errorf("%s: hooks %q, want %q", role, *hooks, want.hooks)
		}
		if got := ask(); got != "old\n" {
			t.Errorf("%s: the old process answers %q", role, got)
		}
	}
	u := upgradeTo(t, "dies", ln)
	u.Release = func() (func() error, error) { return nil, errors.New("cannot let go") }
	if _, err := u.Run(t.Context()); err == nil || err.Error() != "cannot let go" {
		t.Errorf("got %v", err)
	}
	u = upgradeTo(t, "hangs", ln)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	u.Command = []string{"/no/such/program"}
	if _, err := u.Run(t.Context()); err == nil {
		t.Error("a program that is not there was started")
	}
	// Closing ends an Accept though the descriptor was copied for processes.
	ln.Close()
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

func TestInheritedSockets(t *testing.T) {
	for _, tc := range []struct{ env, want string }{
		{"", "[] false"},
		{"EVENKEEL_HANDOVER=", "[] true"},
		{"EVENKEEL_HANDOVER=traffic=:80", "[{traffic :80}] true"},
		{"EVENKEEL_HANDOVER=admin=,traffic=[::]:8=0", "[{admin } {traffic [::]:8=0}] true"},
		{"EVENKEEL_HANDOVER=traffic,web", `inherited a socket called "web", allowed: traffic, admin`},
		{"EVENKEEL_HANDOVER=admin,admin", `inherited two sockets called "admin", allowed: one`},
		{"LISTEN_FDS=1", "[] false"},
		{"LISTEN_PID=41 LISTEN_FDS=1", "[] false"},
		{"LISTEN_PID=42 LISTEN_FDS=1", "[{traffic }] false"},
		{"LISTEN_PID=42 LISTEN_FDS=1 LISTEN_FDNAMES=evenkeel.socket", "[{traffic }] false"},
		{"LISTEN_PID=42 LISTEN_FDS=1 LISTEN_FDNAMES=admin", "[{admin }] false"},
		{"LISTEN_PID=42 LISTEN_FDS=2 LISTEN_FDNAMES=admin:traffic", "[{admin } {traffic }] false"},
		{"LISTEN_PID=42 LISTEN_FDS=2", "LISTEN_FDS=2 sockets, LISTEN_FDNAMES names 0: each needs its FileDescriptorName=, one of traffic, admin"},
		{"LISTEN_PID=42 LISTEN_FDS=2 LISTEN_FDNAMES=a.socket:a.socket", `inherited a socket called "a.socket", allowed: traffic, admin`},
		{"LISTEN_PID=42 LISTEN_FDS=x", `LISTEN_FDS "x", allowed: 0 to 16`},
		{"LISTEN_PID=42 LISTEN_FDS=-1", `LISTEN_FDS "-1", allowed: 0 to 16`},
		{"LISTEN_PID=42 LISTEN_FDS=17", `LISTEN_FDS "17", allowed: 0 to 16`},
		{"LISTEN_PID=42 LISTEN_FDS=0", "[] false"},
	} {
		env := map[string]string{}
		for v := range strings.FieldsSeq(tc.env) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		sockets, ours, err := inheritedSockets(func(n string) (string, bool) { v, ok := env[n]; return v, ok }, 42, []string{"traffic", "admin"})
		got := fmt.Sprint(sockets, " ", ours)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.env, got, tc.want)
		}
	}
}

// A descriptor that is no socket is told by its name.
func TestInheritWhatIsNoSocket(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenerOf(int(f.Fd()), "traffic"); err == nil || !strings.HasPrefix(err.Error(), `inherited socket "traffic": `) {
		t.Errorf("got %v", err)
	}
	if _, err := listenerOf(9999, "traffic"); err == nil || !strings.Contains(err.Error(), "descriptor 9999 is not open") {
		t.Errorf("got %v", err)
	}
}

func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify("READY=1"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "s"), "@evenkeel-notify-" + fmt.Sprint(os.Getpid())} {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		t.Setenv("NOTIFY_SOCKET", path)
		if err := Notify("RELOADING=1", "STATUS=x"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if n, err := c.Read(b); string(b[:n]) != "RELOADING=1\nSTATUS=x" {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	t.Setenv("NOTIFY_SOCKET", "/no/such/socket")
	if err := Notify("READY=1"); err == nil {
		t.Error("nobody was told, without an error")
	}
}

// An upgrade finds the program as it was found at first, so that a link that
// points elsewhere by now is followed.
func TestCommand(t *testing.T) {
	defer func(args []string) { os.Args = args }(os.Args)
	for args, want := range map[string]string{"/opt/current/evenkeel gateway": "/opt/current/evenkeel gateway", "./evenkeel": "./evenkeel"} {
		os.Args = strings.Fields(args)
		got, err := Command()
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", args, got, err)
		}
	}
	os.Args = []string{"sh"}
	if got, err := Command(); err != nil || !filepath.IsAbs(got[0]) || filepath.Base(got[0]) != "sh" {
		t.Errorf("%q, %v", got, err)
	}
	os.Args = []string{"no-such-program-anywhere"}
	if got, err := Command(); err != nil || !filepath.IsAbs(got[0]) {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever the environment says, each socket has another name, and one that is
// allowed.
func FuzzInheritedSockets(f *testing.F) {
	f.Add("traffic=:80,admin=127.0.0.1:9900", "42", "2", "traffic:admin")
	f.Add("", "42", "1", "evenkeel.socket")
	f.Add(",", "42", "-1", ":")
	f.Add("traffic,traffic", "41", "17", "traffic:traffic")
	f.Fuzz(func(t *testing.T, own, pid, count, names string) {
		allowed := []string{"traffic", "admin"}
		env := map[string]string{pidVariable: pid, countVariable: count, namesVariable: names}
		if own != "" {
			env[ownVariable] = own
		}
		sockets, _, err := inheritedSockets(func(n string) (string, bool) { v, ok := env[n]; return v, ok }, 42, allowed)
		if err != nil {
			return
		}
		if len(sockets) > len(allowed) || checkSockets(sockets, allowed) != nil {
			t.Errorf("%q: %v", env, sockets)
		}
	})
}
