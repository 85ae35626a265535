package redistest

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

// do is Do that must not fail.
func do(t *testing.T, s *Server, args ...string) any {
	t.Helper()
	v, err := s.Do(args...)
	if err != nil {
		t.Fatalf("%s: %v: %v", s.Addr, args, err)
	}
	return v
}

func TestTwoServersKeepApart(t *testing.T) {
	t.Parallel()
	a, b := Start(t), Start(t, "--maxmemory-policy", "noeviction")
	if got := do(t, a, "SET", "k", "v"); got != "OK" {
		t.Fatalf("SET answered %v", got)
	}
	if got := do(t, b, "GET", "k"); got != nil {
		t.Fatalf("the other server knows the key: %v", got)
	}
	if got := do(t, a, "GET", "k"); got != "v" {
		t.Fatalf("control: GET answered %v", got)
	}
}

func TestAKilledServerIsGoneAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	s := Start(t)
	do(t, s, "SET", "k", "v")
	s.Kill()
	if code := s.Wait(patience); code != 128+9 {
		t.Fatalf("exit code %d, want 137", code)
	}
	if _, err := s.Do("PING"); err == nil {
		t.Fatal("something still answers")
	}
	s.Restart(t)
	if got := do(t, s, "GET", "k"); got != nil {
		t.Fatalf("a server without persistence remembers %v", got)
	}
}

func TestRestartKeepsWhatPersists(t *testing.T) {
	t.Parallel()
	s := Start(t, "--appendonly", "yes", "--appendfsync", "always")
	pid := s.Pid()
	do(t, s, "SET", "k", "v")
	s.Restart(t) // running: it is ended first
	if s.Pid() == pid {
		t.Fatal("it is the same process")
	}
	await(t, "the data is loaded", func() error {
		got, err := s.Do("GET", "k")
		if err == nil && got != "v" {
			t.Fatalf("got %v", got)
		}
		return err
	})
}

func TestAStoppedServerIsSilentUntilCont(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Stop()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Do("SET", "k", "v")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("a stopped server answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	s.Cont()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestDoReadsEveryKindOfAnswer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	do(t, s, "RPUSH", "l", "a\r\nb", "")
	for _, c := range []struct {
		script string
		want   any
	}{
		{"return 'x'", "x"},
		{"return -7", int64(-7)},
		{"return false", nil},
		{"return redis.status_reply('FINE')", "FINE"},
		{"return {}", []any{}},
		{"return {1, {'a', false}}", []any{int64(1), []any{"a", nil}}},
		{"return redis.call('LRANGE', 'l', 0, -1)", []any{"a\r\nb", ""}},
		{"return {redis.error_reply('BAD thing')}", []any{Error("BAD thing")}},
	} {
		if got := do(t, s, "EVAL", c.script, "0"); !equal(got, c.want) {
			t.Errorf("%s: %#v, want %#v", c.script, got, c.want)
		}
	}
	_, err := s.Do("GET", "l")
	if e, ok := errors.AsType[Error](err); !ok || !strings.HasPrefix(string(e), "WRONGTYPE ") {
		t.Errorf("an error is %v", err)
	}
}

func equal(a, b any) bool {
	x, ok := a.([]any)
	y, ok2 := b.([]any)
	if !ok || !ok2 || len(x) != len(y) {
		return !ok && !ok2 && a == b
	}
	for i := range x {
		if !equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func TestDoRefusesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"+OK\n", "?3\r\n", "$x\r\n", "$5\r\nab", "*2\r\n:1\r\n", "", ":x\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer l.Close()
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			if _, err := c.Read(make([]byte, 100)); err == nil {
				c.Write([]byte(bad))
			}
		}()
		if v, err := (&Server{Addr: l.Addr().String()}).Do("PING"); err == nil {
			t.Errorf("%q is taken for %#v", bad, v)
		}
	}
}

func TestAPasswordIsUsedAndNeeded(t *testing.T) {
	t.Parallel()
	s := Start(t, "--requirepass", "secret")
	do(t, s, "SET", "k", "v")
	stranger := &Server{Addr: s.Addr}
	if _, err := stranger.Do("GET", "k"); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Fatalf("without the password: %v", err)
	}
	stranger.Password = "wrong"
	if _, err := stranger.Do("GET", "k"); err == nil || !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Fatalf("with a wrong password: %v", err)
	}
	replica := StartReplica(t, s)
	if got := do(t, replica, "CONFIG", "GET", "replica-read-only"); !equal(got, []any{"replica-read-only", "yes"}) {
		t.Fatalf("%v", got)
	}
}
