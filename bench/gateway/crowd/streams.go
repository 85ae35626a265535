package crowd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/frames"
	"github.com/evenkeel/evenkeel/bench/raw"
)

const (
	echoEvery = 100 * time.Millisecond
	again     = 50 * time.Millisecond // before a client opens its stream anew
)

// hold keeps a stream open, and opens it again when it ends. open returns when
// it has ended, and whose it was; no instance means that it did not begin.
func (cl *client) hold(ctx context.Context, open func(context.Context) (on string, err error)) {
	for ctx.Err() == nil {
		on, err := open(ctx)
		cl.drop()
		switch {
		case ctx.Err() != nil:
			return
		case on == "":
			cl.answered("", 0, fmt.Errorf("open a stream: %w", err))
		default:
			cl.streamEnded(on, err)
		}
		pause(ctx, again)
	}
}

// events reads an event stream to its end.
func (cl *client) events(ctx context.Context) (on string, err error) {
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
	cl.answered("", 0, nil)
	cl.from(a)
	for {
		n, err := conn.Chunk()
		if err != nil || n == 0 {
			return a.Instance, err
		}
		if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
			return a.Instance, err
		}
	}
}

// socket opens a WebSocket and sends a message each time that the one before
// has come back.
func (cl *client) socket(ctx context.Context) (on string, err error) {
	if err := cl.connect(); err != nil {
		return "", err
	}
	conn := cl.conn.Conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := bufio.NewReader(conn)
	a, err := cl.shake(conn, r)
	if err != nil {
		return "", err
	}
	cl.answered("", 0, nil)
	cl.from(a)
	for n := 0; ctx.Err() == nil; n++ {
		if closed, err := echo(conn, r, strconv.Itoa(n)); closed || err != nil {
			return a.Instance, err
		}
		if closed, err := quiet(conn, r); closed || err != nil {
			return a.Instance, err
		}
	}
	return a.Instance, nil
}

const key = "dGhlIHNhbXBsZSBub25jZQ=="

func (cl *client) shake(conn net.Conn, r *bufio.Reader) (raw.Answer, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", cl.host(), key)
	if cl.cookie != "" {
		b.WriteString("Cookie: " + cl.cookie + "\r\n")
	}
	if _, err := conn.Write([]byte(b.String() + "\r\n")); err != nil {
		return raw.Answer{}, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return raw.Answer{}, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != frames.Accept(key) {
		return raw.Answer{}, errors.Join(fmt.Errorf("a WebSocket was answered %s", resp.Status), resp.Body.Close())
	}
	a := raw.Answer{Status: resp.StatusCode, Instance: resp.Header.Get("X-Instance")}
	a.SetCookie, _, _ = strings.Cut(resp.Header.Get("Set-Cookie"), ";")
	return a, nil
}

// echo sends a message and waits for it, or for a Close frame.
func echo(conn net.Conn, r *bufio.Reader, message string) (closed bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
		return false, err
	}
	// A Close frame may be there though nobody takes what was sent.
	sent := frames.Write(conn, frames.Text, []byte(message), true)
	for {
		text, closed, err := next(conn, r)
		switch {
		case err != nil:
			return false, errors.Join(sent, err)
		case closed:
			return true, nil
		case text == message:
			return false, nil
		case text != "":
			return false, fmt.Errorf("sent %q, got %q", message, text)
		}
	}
}

// quiet waits until the next message is due, or for a Close frame.
func quiet(conn net.Conn, r *bufio.Reader) (closed bool, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(echoEvery)); err != nil {
		return false, err
	}
	if _, err := r.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	if err := conn.SetReadDeadline(time.Now().Add(patient)); err != nil {
		return false, err
	}
	text, closed, err := next(conn, r)
	if text != "" {
		err = fmt.Errorf("got %q, which was not sent", text)
	}
	return closed, err
}

// next reads a frame and answers it if it is one of control.
func next(conn net.Conn, r *bufio.Reader) (text string, closed bool, err error) {
	op, payload, err := frames.Read(r)
	if err != nil {
		return "", false, err
	}
	switch op {
	case frames.Text:
		return string(payload), false, nil
	case frames.Close:
		_ = frames.Write(conn, frames.Close, payload, true) // who has said it may be gone
		return "", true, nil
	case frames.Ping:
		return "", false, frames.Write(conn, frames.Pong, payload, true)
	}
	return "", false, fmt.Errorf("frame of opcode %d", op)
}
