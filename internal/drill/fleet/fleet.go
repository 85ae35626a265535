//go:build unix

package fleet

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("the fleet is closed")

// Options of a fleet; the zero value is usable.
type Options struct {
	// Now is the clock of all moments; nil counts from New.
	Now func() time.Duration
	// Ready bounds WaitReady; 0 is 10 s.
	Ready time.Duration
}

// Command is what to start. Path has no usable zero value.
type Command struct {
	Name string // of the instance; "" is the base name of Path
	Path string // looked up in PATH if it has no slash
	Args []string
	Env  []string // "NAME=value", added to this process's environment
	Dir  string   // "" is this process's
	// Files are handed to the instance as descriptors 3 and up, such as a
	// listener that is open before the instance is. The caller closes its own.
	Files []*os.File
	// Log gets what the instance writes to both outputs; nil keeps the last
	// 64 KiB for Output. An *os.File is handed to the instance itself; other
	// writers are called from one goroutine.
	Log io.Writer
}

// Fleet is a number of instances. It is safe for concurrent use.
type Fleet struct {
	opt    Options
	starts chan start
	closed chan struct{}

	mu        sync.Mutex
	instances []*Instance
	closing   bool
	forking   bool           // the thread that forks has been started
	running   sync.WaitGroup // starts and instances
}

// start is a request to the thread that forks.
type start struct {
	cmd *exec.Cmd
	err chan error
}

// New returns a fleet without instances. It must be closed.
func New(opt Options) *Fleet {
	if opt.Now == nil {
		begun := time.Now()
		opt.Now = func() time.Duration { return time.Since(begun) }
	}
	opt.Ready = cmp.Or(opt.Ready, 10*time.Second)
	return &Fleet{opt: opt, starts: make(chan start), closed: make(chan struct{})}
}

// fork starts processes, all from one thread that lives as long as the fleet:
// the kernel ties the parent-death signal to the thread that forked, not to the
// process, and Go's other threads may end at any time.
func (f *Fleet) fork() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for {
		select {
		case s := <-f.starts:
			s.err <- s.cmd.Start()
		case <-f.closed:
			return
		}
	}
}

// Start starts an instance. It has begun to run when Start returns, and is
// ready when WaitReady says so.
func (f *Fleet) Start(c Command) (*Instance, error) {
	i := &Instance{fleet: f, name: cmp.Or(c.Name, filepath.Base(c.Path)), exited: make(chan struct{})}
	out := c.Log
	if out == nil {
		i.output = &ring{}
		out = i.output
	}
	i.cmd = exec.Command(c.Path, c.Args...) //nolint:noctx // an instance outlives the request that started it; the fleet ends it
	i.cmd.Env, i.cmd.Dir = append(os.Environ(), c.Env...), c.Dir
	i.cmd.Stdout, i.cmd.Stderr = out, out
	i.cmd.ExtraFiles = c.Files
	i.cmd.SysProcAttr = attributes()
	// A grandchild may hold the outputs open for ever.
	i.cmd.WaitDelay = time.Second

	if err := f.enter(); err != nil {
		return nil, fmt.Errorf("start %s: %w", i.name, err)
	}
	s := start{i.cmd, make(chan error)}
	f.starts <- s
	err := <-s.err
	if err != nil {
		f.running.Done()
		return nil, fmt.Errorf("start %s: %w", i.name, err)
	}
	i.started = f.opt.Now()
	f.mu.Lock()
	f.instances = append(f.instances, i)
	closing := f.closing
	f.mu.Unlock()
	go func() {
		defer f.running.Done()
		i.reap()
	}()
	if closing { // it began meanwhile, and has not seen this one
		_, _ = i.Kill() // fails only if it has ended, which is what is wanted
	}
	return i, nil
}

// enter counts a start, unless the fleet is closed.
func (f *Fleet) enter() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return ErrClosed
	}
	if !f.forking {
		f.forking = true
		go f.fork()
	}
	f.running.Add(1)
	return nil
}

// Instances are those that are running, in the order in which they were
// started.
func (f *Fleet) Instances() []*Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.instances)
}

func (f *Fleet) remove(i *Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := slices.Index(f.instances, i); at >= 0 {
		f.instances = slices.Delete(f.instances, at, at+1)
	}
}

// Close kills all instances and returns when they have been reaped. Later calls
// wait as well.
func (f *Fleet) Close() error {
	f.mu.Lock()
	first := !f.closing
	f.closing = true
	instances := slices.Clone(f.instances)
	f.mu.Unlock()
	var errs []error
	for _, i := range instances {
		if _, err := i.Kill(); err != nil && !errors.Is(err, ErrEnded) {
			errs = append(errs, err)
		}
	}
	f.running.Wait()
	if first {
		close(f.closed)
	}
	return errors.Join(errs...)
}

// ring keeps the last bytes written to it.
type ring struct {
	mu sync.Mutex
	b  []byte
}

const ringSize = 64 << 10

func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b = append(r.b, p...)
	if extra := len(r.b) - ringSize; extra > 0 {
		r.b = r.b[:copy(r.b, r.b[extra:])]
	}
	return len(p), nil
}

func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(bytes.ToValidUTF8(r.b, []byte("?")))
}

// status is how a process ended.
func status(err error) (code int, signal syscall.Signal) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0, 0
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), ws.Signal()
	}
	return exit.ExitCode(), 0
}
