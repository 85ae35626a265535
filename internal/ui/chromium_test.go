package ui

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// chromium is a real browser with one tab, driven through its debugging pipe
// (JSON messages that end in a zero byte).
type chromium struct {
	t       *testing.T
	process *proctest.Process
	out     *os.File
	tab     string
	next    int
	replies chan reply

	mu       sync.Mutex
	problems []string // what the browser complained about
}

type reply struct {
	ID     int
	Method string
	Params struct {
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct {
			Exception struct{ Description string }
		}
	}
	Result struct {
		TargetID, SessionID string
		Result              struct{ Value any }
		ExceptionDetails    *struct{ Text string }
	}
	Error *struct{ Message string }
}

func browse(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	proctest.Require(t, "browser", err)
	toBrowser, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--log-level=3", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser}
	b := &chromium{t: t, out: out, replies: make(chan reply, 64)}
	b.process = proctest.Start(t, cmd)
	toBrowser.Close()
	fromBrowser.Close()
	go b.read(in)
	t.Cleanup(func() {
		b.command("Browser.close", nil)
		b.process.Wait(20 * time.Second)
		out.Close()
	})
	target := b.command("Target.createTarget", map[string]any{"url": "about:blank"}).Result.TargetID
	b.tab = b.command("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true}).Result.SessionID
	for _, domain := range []string{"Runtime", "Log", "Page"} {
		b.command(domain+".enable", nil)
	}
	return b
}

func (b *chromium) read(in *os.File) {
	defer in.Close()
	defer close(b.replies)
	r := bufio.NewReader(in)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m reply
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			b.complain("not JSON: " + err.Error())
			continue
		}
		switch m.Method {
		case "":
			b.replies <- m
		case "Log.entryAdded":
			if m.Params.Entry.Level == "error" {
				b.complain(m.Params.Entry.Text + " " + m.Params.Entry.URL)
			}
		case "Runtime.exceptionThrown":
			b.complain(m.Params.ExceptionDetails.Exception.Description)
		}
	}
}

func (b *chromium) complain(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, what)
}

// complaints takes what the browser complained about so far.
func (b *chromium) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := strings.Join(b.problems, "\n")
	b.problems = nil
	return p
}

func (b *chromium) command(method string, params map[string]any) reply {
	b.t.Helper()
	b.next++
	m := map[string]any{"id": b.next, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.tab != "" && method != "Browser.close" {
		m["sessionId"] = b.tab
	}
	raw, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(raw, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		select {
		case r, ok := <-b.replies:
			if !ok {
				if method != "Browser.close" {
					b.t.Fatalf("%s: the browser is gone", method)
				}
				return r
			}
			if r.ID != b.next {
				continue
			}
			if r.Error != nil {
				b.t.Fatalf("%s: %s", method, r.Error.Message)
			}
			return r
		case <-time.After(30 * time.Second):
			b.t.Fatalf("%s: no answer", method)
		}
	}
}

func (b *chromium) size(width, height int) {
	b.t.Helper()
	b.command("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
}

func (b *chromium) open(url string) {
	b.t.Helper()
	b.command("Page.navigate", map[string]any{"url": url})
}

// key presses one key.
func (b *chromium) key(name string, code int, text string) {
	b.t.Helper()
	for _, typ := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": typ, "key": name, "code": name, "windowsVirtualKeyCode": code}
		if text != "" && typ == "keyDown" {
			p["text"] = text
		}
		b.command("Input.dispatchKeyEvent", p)
	}
}

// eval is the value of an expression in the page, as text.
func (b *chromium) eval(expression string) string {
	b.t.Helper()
	r := b.command("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true})
	if e := r.Result.ExceptionDetails; e != nil {
		return "exception: " + e.Text
	}
	return fmt.Sprint(r.Result.Result.Value)
}

// await waits until an expression has that value.
func (b *chromium) await(expression, want string) {
	b.t.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if got = b.eval(expression); got == want {
			return
		}
	}
	b.t.Fatalf("%s is %q, want %q\n%s", expression, got, want, b.complaints())
}

func text(id string) string { return fmt.Sprintf("document.getElementById(%q)?.textContent", id) }
