package redistest_test

import (
	"bufio"
	"net"
	"os"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Main(m)) }

func ask(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestTwoServersKeepApart(t *testing.T) {
	a, b := redistest.Start(t), redistest.Start(t, "--maxmemory-policy", "noeviction")
	if got := ask(t, a.Addr, "SET k v"); got != "+OK\r\n" {
		t.Fatalf("SET answered %q", got)
	}
	if got := ask(t, b.Addr, "GET k"); got != "$-1\r\n" {
		t.Fatalf("the other server knows the key: %q", got)
	}
}

func TestAKilledServerIsGone(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	if code := s.Wait(10 * time.Second); code != 128+9 {
		t.Fatalf("exit code %d, want 137", code)
	}
	if conn, err := net.DialTimeout("tcp", s.Addr, time.Second); err == nil {
		conn.Close()
		t.Fatal("something still listens")
	}
}
