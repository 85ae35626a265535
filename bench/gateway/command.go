package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/peer"
	"github.com/evenkeel/evenkeel/bench/gateway/role"
	"github.com/evenkeel/evenkeel/bench/measure"
)

// buildCommand builds the real evenkeel, unless it is given.
func buildCommand(ctx context.Context, dir, given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "cmd", "evenkeel", "main.go")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return "", errors.New("cmd/evenkeel is in no folder above; give the binary with -evenkeel")
		}
	}
	path := filepath.Join(dir, "evenkeel")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/evenkeel")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build evenkeel: %w: %s", err, out)
	}
	return path, nil
}

// command is a real `evenkeel gateway` on a fixed address, with its files.
type command struct {
	binary string
	files  string // folder
	proxy  *peer.Proxy
}

// How long a gateway takes to end: longer than slow requests.
const (
	linger          = 3 * time.Second
	shutdownTimeout = 15 * time.Second
)

// newKeys makes a key file; gateways that have the same one agree on cookies.
func newKeys(dir string) (string, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "keys")
	return path, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600)
}

// newCommand writes the files of a gateway.
func newCommand(ctx context.Context, binary, dir, keys string, targets []peer.Target) (*command, error) {
	files, err := os.MkdirTemp(dir, "command-")
	if err != nil {
		return nil, err
	}
	p := &peer.Proxy{Name: peer.Evenkeel}
	for _, addr := range []*string{&p.Addr, &p.Admin} {
		port, err := measure.FreePort(ctx)
		if err != nil {
			return nil, err
		}
		*addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	var list []string
	for _, t := range targets {
		list = append(list, fmt.Sprintf("{id: %s, address: %q}", t.Name, t.Addr))
	}
	conf := fmt.Sprintf(`version: 1
gateway:
  listen: %q
  admin: %q
  keys: {file: %q}
  groups:
    - name: %s
      routes: [{path: /}]
      targets: [%s]
      deregistration_delay: %v
      affinity: {mode: cookie}
      health: {path: /health, interval: 1s}
`, p.Addr, p.Admin, keys, role.Group, strings.Join(list, ", "), role.DrainBound)
	return &command{binary: binary, files: files, proxy: p}, os.WriteFile(filepath.Join(files, "evenkeel.yaml"), []byte(conf), 0o600)
}

func (c *command) file(name string) string { return filepath.Join(c.files, name) }

// start starts the process, and waits until all targets are healthy.
func (c *command) start(ctx context.Context) (err error) {
	c.proxy.Process, err = measure.Start(ctx, c.binary, "gateway", "-c", c.file("evenkeel.yaml"), "--state", "off", "--pid-file", c.file("pid"),
		"--linger", linger.String(), "--shutdown-timeout", shutdownTimeout.String(), "--log-level", "warn")
	if err != nil {
		return err
	}
	p := c.proxy
	go func() { // nobody reads what it prints
		for range p.Lines {
		}
	}()
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err = p.Await(wait, p.Admin); err == nil {
		err = p.Serves(ctx, "/fast")
	}
	if err != nil {
		p.Stop()
	}
	return err
}

// end ends the process that serves now in its own way, and waits for all that
// began with start.
func (c *command) end(ctx context.Context) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return os.NewSyscallError("kill", err)
	}
	select {
	case <-c.proxy.Ended():
		return nil
	case <-time.After(linger + shutdownTimeout + 10*time.Second):
		return errors.New("a gateway does not end")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pid is of the process that serves.
func (c *command) pid() (int, error) {
	b, err := os.ReadFile(c.file("pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// upgrade lets the process start its successor, and waits until that serves and
// the old one has ended.
func (c *command) upgrade(ctx context.Context) error {
	old, err := c.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		return os.NewSyscallError("kill", err)
	}
	ctx, cancel := context.WithTimeout(ctx, linger+shutdownTimeout+20*time.Second)
	defer cancel()
	for {
		now, err := c.pid() // the file is being written now and then
		if err == nil && now != old && !alive(old) {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("process %d, of old %d (alive: %v): the upgrade does not end: %w", now, old, alive(old), ctx.Err())
		}
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// stop kills whatever is left.
func (c *command) stop() {
	if c.proxy.Process != nil {
		c.proxy.Stop()
	}
}
