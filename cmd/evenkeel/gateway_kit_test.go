package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// patience bounds a test that hangs; nothing is measured.
const patience = 60 * time.Second

// gatewayProc is a real `evenkeel gateway` with its files.
type gatewayProc struct {
	*proctest.Process
	t                              *testing.T
	binary, config, state, pidFile string
	addr, admin                    string
	targets                        []string // their addresses
	arrived, release               chan struct{}
}

// prepareGateway makes the files and the target, an application with
//
//	/        answers at once
//	/held    tells arrived and answers after release
//	/socket  echoes lines on an upgraded connection
func prepareGateway(t *testing.T) *gatewayProc {
	t.Helper()
	g := &gatewayProc{t: t, arrived: make(chan struct{}, 100), release: make(chan struct{})}
	dir := t.TempDir()
	g.config, g.state, g.pidFile = filepath.Join(dir, "evenkeel.yaml"), filepath.Join(dir, "state.json"), filepath.Join(dir, "pid")
	app := httptest.NewServer(http.HandlerFunc(g.application))
	t.Cleanup(app.Close)
	g.targets = []string{app.Listener.Addr().String()}
	g.write(fmt.Sprintf("targets: [{id: a, address: %s}]", g.targets[0]))
	return g
}

// write writes the configuration with these lines of the group.
func (g *gatewayProc) write(group string) {
	g.t.Helper()
	text := "version: 1\ngateway:\n  listen: 127.0.0.1:0\n  admin: 127.0.0.1:0\n  h2c: true\n  groups:\n    - name: shop\n      routes: [{path: /}]\n      health: {interval: 1s}\n      " + group + "\n"
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gatewayProc) application(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/held":
		g.arrived <- struct{}{}
		<-g.release
		io.WriteString(w, "whole")
	case "/socket":
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, rw)
	default:
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	}
}

// start starts the command and waits until it serves.
func (g *gatewayProc) start(args ...string) *gatewayProc {
	g.t.Helper()
	cmd, dir := command(g.t, append([]string{"gateway", "-c", g.config, "--state", g.state, "--pid-file", g.pidFile}, args...)...)
	g.binary = cmd.Path
	cmd.Env = append(cmd.Env, "PATH="+dir+":"+os.Getenv("PATH")) // testscript takes the path out of the program's name
	g.Process = proctest.Start(g.t, cmd)
	g.admin = g.WaitLine(patience, `^admin API on http://(.*)$`)[1]
	g.addr = g.WaitLine(patience, `^traffic on (.*)$`)[1]
	g.eventually("a healthy target", func() bool { return strings.Contains(g.get("/v1/groups"), `"state":"healthy"`) })
	return g
}

// eventually waits for a fact.
func (g *gatewayProc) eventually(what string, ok func() bool) {
	g.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatalf("never: %s", what)
		}
	}
}

// call is one call of the admin API, with its status in front.
func (g *gatewayProc) call(method, path, body string) string {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, "http://"+g.admin+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}).Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, b)
}

func (g *gatewayProc) get(path string) string { return g.call("GET", path, "") }

// lastError is that of GET /v1/config.
func (g *gatewayProc) lastError() string {
	g.t.Helper()
	var c struct {
		LastError string `json:"last_error"`
	}
	_, body, _ := strings.Cut(g.get("/v1/config"), " ")
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		g.t.Fatal(err)
	}
	return c.LastError
}

// pid is what the pid file says.
func (g *gatewayProc) pid() string {
	b, err := os.ReadFile(g.pidFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// rawConn is a client's connection by hand. net/http's client would send a lost
// GET again by itself and hide what is tested here.
type rawConn struct {
	net.Conn
	br *bufio.Reader
}

func dialRaw(addr string) (*rawConn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return &rawConn{c, bufio.NewReader(c)}, nil
}

func (c *rawConn) send(path string, fields ...string) error {
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.example\r\n%s\r\n", path, strings.Join(append(fields, ""), "\r\n"))
	return err
}

// read reads an answer; again says that the connection can be used again.
func (c *rawConn) read() (status int, body string, again bool, err error) {
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		return 0, "", false, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, "", false, nil
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), !resp.Close, err
}
