package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// Who uses the service during a scale-in.
const (
	getters = 20
	posters = 15
	waiters = 4 // for slow requests
	streams = 6 //
	think   = 8 * time.Millisecond
	patient = 10 * time.Second
)

// crowd is a number of clients who each wait for their answer, retry nothing,
// and keep the first cookie that they are given.
type crowd struct {
	addr    string
	leaving string
	event   atomic.Bool // from now on a target goes away
	posts   atomic.Int64
	wait    sync.WaitGroup
	stop    context.CancelFunc

	mu    sync.Mutex
	sum   scaleIn
	moves int
	first error
}

func newCrowd(addr, leaving string) *crowd { return &crowd{addr: addr, leaving: leaving} }

func (c *crowd) start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(ctx)
	run := func(n int, f func(context.Context, *client)) {
		for range n {
			c.wait.Go(func() {
				cl := &client{crowd: c}
				defer cl.drop()
				f(ctx, cl)
			})
		}
	}
	run(getters, func(ctx context.Context, cl *client) { cl.work(ctx, func() []byte { return cl.get("/fast") }, false) })
	run(waiters, func(ctx context.Context, cl *client) { cl.work(ctx, func() []byte { return cl.get("/slow") }, false) })
	run(posters, func(ctx context.Context, cl *client) { cl.work(ctx, cl.post, true) })
	run(streams, func(ctx context.Context, cl *client) { cl.listen(ctx) })
}

// finish lets each client end what it does.
func (c *crowd) finish() {
	c.stop()
	c.wait.Wait()
}

func (c *crowd) result() scaleIn {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, moves := c.sum, c.moves
	s.NeedlessMoves = &moves
	return s
}

func (c *crowd) failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum.Failed
}

func (c *crowd) firstFailure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// note counts a request; err is why it failed.
func (c *crowd) note(post bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Requests++
	if err == nil {
		return
	}
	if c.first == nil {
		c.first = err
	}
	c.sum.Failed++
	if post {
		c.sum.FailedPOST++
	}
}

// client is one of the crowd.
type client struct {
	*crowd
	conn   *raw.Conn
	cookie string
	on     string // the instance that answered last
}

func (cl *client) get(path string) []byte {
	if cl.cookie == "" {
		return raw.Get(cl.addr, path)
	}
	return raw.Get(cl.addr, path, "Cookie: "+cl.cookie)
}

func (cl *client) post() []byte {
	path := "/write?id=" + strconv.FormatInt(cl.posts.Add(1), 10)
	if cl.cookie == "" {
		return raw.Post(cl.addr, path)
	}
	return raw.Post(cl.addr, path, "Cookie: "+cl.cookie)
}

// work sends requests and thinks between them.
func (cl *client) work(ctx context.Context, next func() []byte, post bool) {
	for ctx.Err() == nil {
		a, err := cl.do(next())
		cl.note(post, err)
		if err == nil {
			cl.answered(a)
		}
		pause(ctx, think/2+rand.N(think))
	}
}

// do sends one request, once.
func (cl *client) do(request []byte) (raw.Answer, error) {
	if err := cl.connect(); err != nil {
		return raw.Answer{}, err
	}
	a, err := cl.conn.Do(request)
	if err != nil || a.Close {
		cl.drop()
	}
	return a, failure(a, err)
}

func failure(a raw.Answer, err error) error {
	if err == nil && a.Status != 200 {
		err = fmt.Errorf("answered %d", a.Status)
	}
	return err
}

func (cl *client) connect() error {
	if cl.conn == nil {
		// A client that is about to stop still sends what it has begun.
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		var err error
		if cl.conn, err = raw.Dial(ctx, cl.addr); err != nil {
			return err
		}
	}
	return cl.conn.SetDeadline(time.Now().Add(patient))
}

func (cl *client) drop() {
	if cl.conn != nil {
		cl.conn.Close()
		cl.conn = nil
	}
}

// answered keeps the cookie and notes a move away from a target that stays.
func (cl *client) answered(a raw.Answer) {
	if a.SetCookie != "" {
		cl.cookie = a.SetCookie
	}
	if cl.on != "" && a.Instance != cl.on && cl.on != cl.leaving {
		cl.mu.Lock()
		cl.moves++
		cl.mu.Unlock()
	}
	cl.on = a.Instance
}

// listen holds a stream open, and opens it again when it ends.
func (cl *client) listen(ctx context.Context) {
	for ctx.Err() == nil {
		on, err := cl.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if on == "" { // it did not begin
			cl.note(false, err)
			continue
		}
		if on != cl.leaving || !cl.event.Load() {
			cl.mu.Lock()
			cl.sum.StreamsCut++
			cl.mu.Unlock()
		}
	}
}

// stream reads one stream to its end, and returns whose it was.
func (cl *client) stream(ctx context.Context) (on string, err error) {
	defer cl.drop()
	if err := cl.connect(); err != nil {
		return "", err
	}
	conn := cl.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	a, err := conn.Head(cl.get("/stream"))
	if err := failure(a, err); err != nil {
		return "", err
	}
	cl.note(false, nil)
	cl.answered(a)
	for {
		n, err := conn.Chunk()
		switch {
		case err != nil:
			return a.Instance, err
		case n == 0:
			return a.Instance, nil
		}
		if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
			return a.Instance, err
		}
	}
}

// ledger counts how often each POST was executed.
type ledger struct {
	mu     sync.Mutex
	counts map[string]int
	wait   sync.WaitGroup
}

func newLedger() *ledger { return &ledger{counts: map[string]int{}} }

// follow reads the ids that a target prints.
func (l *ledger) follow(lines <-chan string) {
	l.wait.Go(func() {
		for id := range lines {
			l.mu.Lock()
			l.counts[id]++
			l.mu.Unlock()
		}
	})
}

// doubles waits until all targets have ended.
func (l *ledger) doubles() (n int) {
	l.wait.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.counts {
		if c > 1 {
			n++
		}
	}
	return n
}
