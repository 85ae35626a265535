package crowd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// client is one of the crowd.
type client struct {
	*Crowd
	prefers int // index of an address
	conn    *raw.Conn
	cookie  string
	on      string // the instance that answered last
	sent    int    // by a forgetful client
}

// request is one to send: the id of a POST, and whether its time counts.
type request struct {
	bytes []byte
	post  string
	timed bool
}

func (cl *client) host() string { return cl.opt.Addrs[cl.prefers] }

func (cl *client) get(path string) []byte {
	if cl.cookie == "" {
		return raw.Get(cl.host(), path)
	}
	return raw.Get(cl.host(), path, "Cookie: "+cl.cookie)
}

func (cl *client) fast() request { return request{bytes: cl.get("/fast"), timed: true} }
func (cl *client) slow() request { return request{bytes: cl.get("/slow")} }

// remembers is how many requests a forgetful client keeps its cookie for.
const remembers = 20

func (cl *client) forgetful() request {
	if cl.sent++; cl.sent%remembers == 0 {
		cl.cookie, cl.on = "", ""
	}
	if cl.sent%2 == 0 {
		return cl.post()
	}
	return cl.fast()
}

func (cl *client) post() request {
	const body = "a few bytes that must be written once"
	id := strconv.FormatInt(cl.posts.Add(1), 10)
	var b strings.Builder
	fmt.Fprintf(&b, "POST /write?id=%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", id, cl.host(), len(body))
	if cl.cookie != "" {
		b.WriteString("Cookie: " + cl.cookie + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return request{bytes: []byte(b.String()), post: id, timed: true}
}

// work sends requests and thinks between them.
func (cl *client) work(ctx context.Context, next func() request) {
	for ctx.Err() == nil {
		r := next()
		began := time.Now()
		a, err := cl.do(r.bytes)
		took := time.Since(began)
		if !r.timed {
			took = 0
		}
		cl.answered(r.post, took, err)
		if err == nil {
			cl.from(a)
		}
		pause(ctx, cl.opt.Think/2+rand.N(cl.opt.Think+1))
	}
}

// do sends one request, once.
func (cl *client) do(request []byte) (raw.Answer, error) {
	if err := cl.connect(); err != nil {
		return raw.Answer{}, fmt.Errorf("connect: %w", err)
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

// connect goes to the next address only where the one before is refused.
func (cl *client) connect() (err error) {
	if cl.conn != nil && !cl.opt.Blind && closed(cl.conn.Conn) {
		cl.drop()
	}
	if cl.conn != nil {
		return cl.conn.SetDeadline(time.Now().Add(patient))
	}
	// A client that is about to stop still sends what it has begun.
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	for i := range cl.opt.Addrs {
		addr := cl.opt.Addrs[(cl.prefers+i)%len(cl.opt.Addrs)]
		if cl.conn, err = raw.Dial(ctx, addr); err == nil {
			return cl.conn.SetDeadline(time.Now().Add(patient))
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	cl.conn = nil
	return err
}

// closed reports whether the other side has closed an idle connection.
func closed(c net.Conn) (gone bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, peeked := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = !errors.Is(peeked, syscall.EAGAIN) // an end, an error, or what nobody asked for
	})
	return gone || err != nil
}

func (cl *client) drop() {
	if cl.conn != nil {
		cl.conn.Close()
		cl.conn = nil
	}
}

// from keeps the cookie and notes a move away from a target that stays.
func (cl *client) from(a raw.Answer) {
	if a.SetCookie != "" {
		cl.cookie = a.SetCookie
	}
	moved := cl.on != "" && a.Instance != cl.on && !slices.Contains(cl.leaving, cl.on)
	cl.on = a.Instance
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if moved {
		cl.sum.Moves++
	}
	if slices.Contains(cl.leaving, a.Instance) {
		cl.sum.FromLeaving++
	}
}
