//go:build unix

package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// ErrEnded is returned for an instance that is not running any more.
var ErrEnded = errors.New("the instance has ended")

// Instance is one process of a fleet. It is safe for concurrent use.
type Instance struct {
	fleet   *Fleet
	name    string
	cmd     *exec.Cmd
	started time.Duration
	output  *ring // nil if the output goes elsewhere
	exited  chan struct{}
	exit    Exit // valid when exited is closed

	mu    sync.Mutex
	ended bool // being reaped: its number may soon be another's
}

// Exit is how an instance ended.
type Exit struct {
	At     time.Duration  // when it was noticed, right after the end
	Code   int            // 128+n after signal n
	Signal syscall.Signal // 0 if it exited by itself
}

// Name of the instance.
func (i *Instance) Name() string { return i.name }

// PID is the number of its process.
func (i *Instance) PID() int { return i.cmd.Process.Pid }

// Started is when it had been started.
func (i *Instance) Started() time.Duration { return i.started }

// Output is the last 64 KiB of what it wrote; "" if Command.Log took it.
func (i *Instance) Output() string {
	if i.output == nil {
		return ""
	}
	return i.output.String()
}

// Exited is closed when the instance has ended and been reaped.
func (i *Instance) Exited() <-chan struct{} { return i.exited }

// reap waits for the end of the process. While it is not reaped its number, and
// that of its group, belong to nobody else.
func (i *Instance) reap() {
	noticed := awaitEnd(i.PID())
	at := i.fleet.opt.Now()
	if noticed {
		i.over()
	}
	err := i.cmd.Wait()
	if !noticed {
		at = i.fleet.opt.Now()
		i.over()
	}
	code, signal := status(err)
	i.exit = Exit{At: at, Code: code, Signal: signal}
	i.fleet.remove(i)
	close(i.exited)
}

// over ends the time of signals, and what the instance has left in its group.
func (i *Instance) over() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = true
	_ = syscall.Kill(-i.PID(), syscall.SIGKILL) // ESRCH: it left nothing
}

// Wait waits for the end of the instance; the error is that of ctx.
func (i *Instance) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-i.exited:
		return i.exit, nil
	case <-ctx.Done():
		return Exit{}, fmt.Errorf("wait for %s: %w", i.name, ctx.Err())
	}
}

// Terminate sends SIGTERM to the process, and returns the moment before.
// ErrEnded if it is not running any more.
func (i *Instance) Terminate() (time.Duration, error) { return i.signal(syscall.SIGTERM, false) }

// Signal sends another signal to the process, and returns the moment before.
// ErrEnded if it is not running any more.
func (i *Instance) Signal(s syscall.Signal) (time.Duration, error) { return i.signal(s, false) }

// Pause stops the process group (SIGSTOP) until Continue. On Linux the process
// stands still when it returns.
func (i *Instance) Pause() (time.Duration, error) {
	at, err := i.signal(syscall.SIGSTOP, true)
	if err == nil {
		awaitStop(i.PID())
	}
	return at, err
}

// Continue lets a paused process group go on.
func (i *Instance) Continue() (time.Duration, error) { return i.signal(syscall.SIGCONT, true) }

// Kill sends SIGKILL to the process group, and returns the moment before it.
func (i *Instance) Kill() (history.Kill, error) {
	at, err := i.signal(syscall.SIGKILL, true)
	return history.Kill{Instance: i.name, At: at}, err
}

func (i *Instance) signal(s syscall.Signal, group bool) (time.Duration, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := i.fleet.opt.Now()
	if i.ended {
		return at, fmt.Errorf("signal %s: %w", i.name, ErrEnded)
	}
	pid := i.PID()
	if group {
		pid = -pid
	}
	err := syscall.Kill(pid, s)
	if errors.Is(err, syscall.ESRCH) {
		err = ErrEnded
	}
	if err != nil {
		return at, fmt.Errorf("signal %s: %w", i.name, err)
	}
	return at, nil
}

const (
	readyEvery = 20 * time.Millisecond
	readyEach  = time.Second // for one attempt
)

// WaitReady asks url until it is answered with a 2xx, and returns the moment
// after. It gives up when ctx ends, after Options.Ready, and when the instance
// has ended, with its last words.
func (i *Instance) WaitReady(ctx context.Context, url string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, i.fleet.opt.Ready)
	defer cancel()
	client := &http.Client{
		Timeout:       readyEach,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	var last error
	for {
		err := ask(ctx, client, url)
		if err == nil {
			return i.fleet.opt.Now(), nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-i.exited:
			return 0, fmt.Errorf("%s ended with code %d before it was ready%s", i.name, i.exit.Code, i.lastWords())
		case <-ctx.Done():
			return 0, fmt.Errorf("%s is not ready: %w: last answer: %w%s", i.name, ctx.Err(), last, i.lastWords())
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// lastWords are the last lines of the output, for an error.
func (i *Instance) lastWords() string {
	lines := strings.Split(strings.TrimSpace(i.Output()), "\n")
	lines = lines[max(0, len(lines)-5):]
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return ":\n" + strings.Join(lines, "\n")
}

// FreeAddress is a loopback address "127.0.0.1:port" that nothing listens on.
// Nothing keeps it free: use it soon.
func FreeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding a loopback port does not wait
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
