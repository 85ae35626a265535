package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Named is a listener with the name that the new process knows it by.
type Named struct {
	Name string
	*Listener
}

// Upgrade starts a process that takes over. Its Run may be called again after
// it has failed.
type Upgrade struct {
	Command   []string // program and arguments; nil is what Command returns
	Listeners []Named
	// Release gives up what only one process can hold, such as a lock; retake
	// gets it back after a failure. Nil is nothing.
	Release func() (retake func() error, err error)
	// Timeout of each step: 30 s to be prepared, and 30 s to serve.
	Timeout time.Duration
}

// ErrFirst is an upgrade of the first process of a container.
var ErrFirst = errors.New("process 1 cannot be replaced: the container would end with it")

// Run returns the new process's ID when it serves; the caller then stops its
// listeners and ends. On an error everything is as before, and the new process
// has ended.
func (u Upgrade) Run(ctx context.Context) (pid int, err error) {
	if os.Getpid() == 1 {
		return 0, ErrFirst
	}
	if u.Command == nil {
		if u.Command, err = Command(); err != nil {
			return 0, fmt.Errorf("command line of the new process: %w", err)
		}
	}
	cmd, p, err := u.start(ctx)
	if err != nil {
		return 0, fmt.Errorf("start the new process: %w", err)
	}
	defer p.close()
	ended := make(chan exit, 1)
	go func() { ended <- exit{cmd.Wait()} }()
	err = u.step(ctx, "prepared", ended, func() error { return p.hear(wordPrepared) })
	if err == nil {
		err = u.pass(ctx, cmd, p, ended)
	} else {
		kill(cmd, ended)
	}
	if err != nil {
		return 0, err
	}
	return cmd.Process.Pid, nil
}

// pass is the step in which the new process begins to serve.
func (u Upgrade) pass(ctx context.Context, cmd *exec.Cmd, p *peer, ended chan exit) error {
	retake := func() error { return nil }
	if u.Release != nil {
		var err error
		if retake, err = u.Release(); err != nil {
			kill(cmd, ended)
			return err
		}
	}
	err := u.step(ctx, "serving", ended, func() error { return errors.Join(p.say(wordGo), p.hear(wordServing)) })
	if err == nil {
		return nil
	}
	kill(cmd, ended)
	return errors.Join(err, retake())
}

// kill ends the new process, if it has not ended, and waits for that.
func kill(cmd *exec.Cmd, ended <-chan exit) {
	_ = cmd.Process.Kill() // it may have ended
	<-ended
}

// step waits for f, the end of the process, or too long. f may go on after it;
// it ends with the pipes.
func (u Upgrade) step(ctx context.Context, what string, ended chan exit, f func() error) error {
	limit := time.NewTimer(cmp.Or(u.Timeout, 30*time.Second))
	defer limit.Stop()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		select { // it closes its pipes as it ends: the exit code says more
		case e := <-ended:
			return e.putBack(ended)
		case <-limit.C:
			return fmt.Errorf("the new process: %w", err)
		}
	case e := <-ended:
		return e.putBack(ended)
	case <-limit.C:
		return fmt.Errorf("the new process was not %s within %v", what, cmp.Or(u.Timeout, 30*time.Second))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exit is the end of the new process.
type exit struct{ err error }

// putBack leaves the exit for whoever waits for it next, and says it.
func (e exit) putBack(ended chan<- exit) error {
	ended <- e
	if e.err == nil {
		return errors.New("the new process has ended: exit status 0")
	}
	return fmt.Errorf("the new process has ended: %w", e.err)
}

// start starts the command with the listeners and two pipes.
func (u Upgrade) start(ctx context.Context) (*exec.Cmd, *peer, error) {
	var files, ours []*os.File
	defer func() { closeAll(files) }()
	names := make([]string, len(u.Listeners))
	for i, n := range u.Listeners {
		names[i] = n.Name + "=" + n.address
		f, err := fileOfListener(n.Listener.Listener)
		if err != nil {
			return nil, nil, fmt.Errorf("listener %s: %w", n.Name, err)
		}
		files = append(files, f)
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	files, ours = append(files, theirIn), append(ours, ourOut)
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		closeAll(ours)
		return nil, nil, err
	}
	files, ours = append(files, theirOut), append(ours, ourIn)

	// It must outlive ctx, and us.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), u.Command[0], u.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = files
	cmd.Env = append(without(os.Environ(), ownVariable, countVariable, pidVariable, namesVariable), ownVariable+"="+strings.Join(names, ","))
	err = cmd.Start()
	for _, n := range u.Listeners {
		unblock(n.Listener.Listener)
	}
	if err != nil {
		closeAll(ours)
		return nil, nil, err
	}
	return cmd, newPeer(ourIn, ourOut), nil
}

// fileOfListener is a copy of the listener's descriptor.
func fileOfListener(ln net.Listener) (*os.File, error) {
	l, ok := ln.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("%T cannot be handed over", ln)
	}
	return l.File()
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// without takes variables out of an environment.
func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return slices.Contains(names, name)
	})
}

// Command is the command line of this process, to start it again: the program
// is looked for as it was, so that a link or a file that has been replaced
// leads to the new one.
func Command() ([]string, error) {
	path := os.Args[0]
	if !strings.ContainsRune(path, os.PathSeparator) {
		found, err := exec.LookPath(path)
		if err != nil {
			if found, err = os.Executable(); err != nil {
				return nil, err
			}
		}
		path = found
	}
	return append([]string{path}, os.Args[1:]...), nil
}
