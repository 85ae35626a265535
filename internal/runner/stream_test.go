//go:build unix

package runner

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dialUpgraded asks for a protocol and reads the head of the answer.
func dialUpgraded(t *testing.T, addr, protocol string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /echo HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", addr, protocol)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	return c, r
}

// The program echoes bytes, so what the client sends unmasked comes back as a
// server's frame.
func TestAWebSocketIsClosedWith1012(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "0s"}, "polite", "PORT")
	s.whenReady(t)
	c, r := dialUpgraded(t, s.front, "websocket")
	if _, err := c.Write([]byte("\x81\x05hello")); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 7)
	if _, err := io.ReadFull(r, frame); err != nil || string(frame[2:]) != "hello" {
		t.Fatalf("%q, %v", frame, err)
	}
	s.Signal(syscall.SIGTERM)
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil || head[0] != 0x88 || binary.BigEndian.Uint16(head[2:]) != 1012 {
		t.Fatalf("%x, %v, want a Close with 1012", head, err)
	}
	c.Close()
	if code := s.Wait(patience); code != 3 || !strings.Contains(s.Output(), "cut=0") && strings.Contains(s.Output(), "cut=1") {
		t.Errorf("exit code %d:\n%s", code, s.Output())
	}
}

// What is no WebSocket cannot be told, and stays until it is cut.
func TestAnotherUpgradeStaysUntilItIsCut(t *testing.T) {
	s := startRun(t, []string{"--withdraw", "0s", "--streams", "500ms"}, "polite", "PORT")
	s.whenReady(t)
	c, r := dialUpgraded(t, s.front, "line-protocol")
	s.Signal(syscall.SIGTERM)
	s.awaitState(t, "draining")
	if _, err := c.Write([]byte("still here\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "still here\n" {
		t.Errorf("while draining: %q, %v", line, err)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	s.Wait(patience)
}

// Every one of many event streams ends after a whole event.
func TestEventStreamsEndAfterAWholeEvent(t *testing.T) {
	const n = 50
	s := startRun(t, []string{"--withdraw", "0s"}, "polite", "PORT")
	s.whenReady(t)
	bodies := make(chan string, n)
	for range n {
		go func() {
			_, body, err := get("http://" + s.front + "/events")
			if err != nil {
				body = err.Error()
			}
			bodies <- body
		}()
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, body, err := get("http://" + s.admin + "/metrics"); err == nil && strings.Contains(body, fmt.Sprintf("evenkeel_run_streams %d\n", n)) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%d streams do not run: %q, %v", n, body, err)
		}
	}
	s.Signal(syscall.SIGTERM)
	for range n {
		body := <-bodies
		events := strings.Count(body, "\n\n")
		if !strings.HasSuffix(body, fmt.Sprintf("id: %d\ndata: %d\n\n", events, events)) {
			t.Errorf("a stream ended with %.80q", body[max(0, len(body)-80):])
		}
	}
	s.Wait(patience)
}
