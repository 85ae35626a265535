package streams

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

func TestPassesBothWays(t *testing.T) {
	w := connect(t, patient)
	w.client.send(0x81, "hello")
	w.target.wantFrame(0x81, "hello")
	w.target.send(0x81, "world")
	w.client.wantFrame(0x81, "world")
	w.target.send(0x88, "\x03\xe8")
	w.client.wantFrame(0x88, "\x03\xe8")
	w.client.send(0x88, "\x03\xe8")
	w.target.wantFrame(0x88, "\x03\xe8")
	w.target.Close()
	w.client.wantEnd()
	w.client.Close()
	if n := w.wait(t); n != 7+4 {
		t.Errorf("%d bytes", n)
	}
	if w.Leave() {
		t.Error("an ended stream was asked")
	}
}

// What is no WebSocket passes as well, and is never interrupted.
func TestPassesWhatIsNoWebSocket(t *testing.T) {
	w := connect(t, patient)
	w.target.write([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffrubbish"))
	w.client.want([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffrubbish"))
	w.Leave()
	w.target.write([]byte("more"))
	w.client.want([]byte("more"))
	w.client.halfClose()
	w.target.wantEnd()
	w.target.Close()
	w.client.wantEnd()
	w.wait(t)
}

func TestLeave(t *testing.T) {
	w := connect(t, patient)
	w.target.send(0x81, "hello")
	w.client.wantFrame(0x81, "hello")
	if !w.Leave() || w.Leave() {
		t.Error("asked once is enough, and once is needed")
	}
	w.client.wantRestart()
	w.client.send(0x81, "last words") // sent before it read the Close
	w.target.wantFrame(0x81, "last words")
	w.target.send(0x81, "too late")
	w.client.send(0x88, "\x03\xf4")
	w.target.wantFrame(0x88, "\x03\xf4")
	w.target.send(0x88, "\x03\xf4")
	w.wait(t)
	w.target.wantEnd()
	w.client.wantEnd() // neither "too late" nor a second Close
}

// Asked before Run, with frames that were passed on before it.
func TestLeaveBeforeRun(t *testing.T) {
	cFar, cNear := tcpPair(t)
	tFar, tNear := tcpPair(t)
	s := NewWebSocket(cNear, tNear, patient)
	if !s.Leave() {
		t.Error("not asked")
	}
	whole := frame(0x82, []byte("0123456789"), false, 0)
	s.Passed(whole[:5], nil)
	w := &wire{WebSocket: s, done: make(chan int64, 1)}
	go func() { w.done <- s.Run() }()
	if _, err := tFar.Write(whole[5:]); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(whole)-5+2)
	if _, err := io.ReadFull(cFar, got); err != nil || got[len(got)-2] != 0x88 {
		t.Errorf("% x, %v", got, err)
	}
	cFar.Close()
	tFar.Close()
	w.wait(t)
}

// Within a frame of 10 MB, which is spliced: it arrives whole first.
func TestLeaveWithinALargeFrame(t *testing.T) {
	w := connect(t, patient)
	big := make([]byte, 10<<20)
	for i := range big {
		big[i] = byte(i >> 8)
	}
	down, up := frame(0x82, big, false, 0), frame(0x82, big, true, 0)
	w.target.write(down[:100])
	w.client.want(down[:100])
	w.client.write(up[:70000])
	w.target.want(up[:70000])
	w.Leave()
	go w.target.Write(append(bytes.Clone(down[100:]), frame(0x81, []byte("behind"), false, 0)...))
	w.client.want(down[100:])
	next, err := w.client.br.Peek(1)
	if err != nil {
		t.Fatal(err)
	}
	if next[0] == 0x81 { // it had come with the end of the large one
		w.client.wantFrame(0x81, "behind")
	}
	w.client.wantRestart()
	go w.client.Write(append(bytes.Clone(up[70000:]), frame(0x88, []byte(restart), true, 0)...))
	w.target.want(up[70000:])
	w.target.wantFrame(0x88, restart)
	w.target.Close()
	w.wait(t)
	w.client.wantEnd()
}

func TestLeaveWithinAMessage(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
	}{{"its end is waited for", time.Hour}, {"but not for ever", time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			opt := patient
			opt.Grace = c.grace
			w := connect(t, opt)
			w.target.send(0x01, "one")
			w.target.send(0x89, "ping") // ends a frame, not the message
			w.client.wantFrame(0x01, "one")
			w.client.wantFrame(0x89, "ping")
			w.Leave()
			if c.grace == time.Hour {
				w.target.send(0x00, "two")
				w.client.wantFrame(0x00, "two")
				w.target.send(0x80, "three")
				w.client.wantFrame(0x80, "three")
			}
			w.client.wantRestart()
			w.client.Close()
			w.target.wantRestart() // no Close came from the client
			w.target.Close()
			w.wait(t)
		})
	}
}

// A client that does not answer holds nothing up, and its target is told.
func TestClientDoesNotAnswer(t *testing.T) {
	opt := patient
	opt.Wait = 20 * time.Millisecond
	w := connect(t, opt)
	w.Leave()
	w.client.wantRestart()
	w.target.wantRestart()
	w.wait(t)
	w.target.wantEnd()
	w.client.wantEnd()
}

// The client went silent within a frame: there is no room for a Close.
func TestClientStopsWithinAFrame(t *testing.T) {
	opt := patient
	opt.Wait = 20 * time.Millisecond
	w := connect(t, opt)
	w.client.write([]byte{0x81, 0x85, 1, 2})
	w.target.want([]byte{0x81, 0x85, 1, 2})
	w.Leave()
	w.client.wantRestart()
	w.wait(t)
	w.target.wantEnd()
}

func TestTargetDoesNotAnswer(t *testing.T) {
	opt := patient
	opt.Wait = 20 * time.Millisecond
	w := connect(t, opt)
	w.Leave()
	w.client.wantRestart()
	w.client.send(0x88, restart)
	w.target.wantFrame(0x88, restart)
	w.wait(t)
	w.client.wantEnd()
}

func TestTargetGoesAfterTheClientWasTold(t *testing.T) {
	w := connect(t, patient)
	w.Leave()
	w.client.wantRestart()
	w.target.Conn.(*net.TCPConn).SetLinger(0)
	w.target.Close() // a reset: what the client still sends has nowhere to go
	for range 512 {  // all of it is taken, lest a reset overtakes the Close
		w.client.send(0x82, string(make([]byte, 8<<10)))
	}
	w.client.send(0x88, restart)
	w.wait(t)
	if _, err := w.client.br.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the client's connection ends with %v", err)
	}
}

// A handshake under way needs no second Close, but it has to end.
func TestLeaveWhileClosing(t *testing.T) {
	for _, first := range []string{"target", "client"} {
		t.Run(first, func(t *testing.T) {
			opt := patient
			opt.Wait = 20 * time.Millisecond
			w := connect(t, opt)
			from, to := w.target, w.client
			if first == "client" {
				from, to = w.client, w.target
			}
			from.send(0x88, "\x03\xe9")
			to.wantFrame(0x88, "\x03\xe9")
			if w.Leave() {
				t.Error("a closing stream was asked")
			}
			w.wait(t)
			to.wantEnd()
			from.wantEnd()
		})
	}
}

// The target's own Close is half through when the stream is asked.
func TestLeaveWithinTheTargetsClose(t *testing.T) {
	w := connect(t, patient)
	w.target.write([]byte{0x88})
	w.client.want([]byte{0x88})
	w.Leave()
	w.target.write([]byte{0x02, 0x03, 0xe9})
	w.client.want([]byte{0x02, 0x03, 0xe9})
	w.client.send(0x88, "\x03\xe9")
	w.target.wantFrame(0x88, "\x03\xe9")
	w.target.Close()
	w.client.wantEnd()
	w.client.Close()
	w.wait(t)
}

func TestLeaveAfterTheClientHalfClosed(t *testing.T) {
	w := connect(t, patient)
	w.client.halfClose()
	w.target.wantEnd()
	w.target.send(0x81, "still")
	w.client.wantFrame(0x81, "still")
	if !w.Leave() {
		t.Error("not asked")
	}
	w.client.wantRestart()
	w.wait(t)
	w.client.wantEnd()
}

func TestLeaveAfterTheTargetHalfClosed(t *testing.T) {
	opt := patient
	opt.HalfClosed = 20 * time.Millisecond
	w := connect(t, opt)
	w.target.halfClose()
	w.client.wantEnd()
	if w.Leave() {
		t.Error("nothing can be said any more")
	}
	w.wait(t)
	w.target.wantEnd()
}

// Reading a TLS record is interrupted and goes on.
func TestLeaveOverTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil)
	cert := srv.TLS.Certificates[0]
	srv.Close()
	cFar, cNear := tcpPair(t)
	tFar, tNear := tcpPair(t)
	client := tls.Client(cFar, &tls.Config{InsecureSkipVerify: true})
	w := join(t, patient, client, tls.Server(cNear, &tls.Config{Certificates: []tls.Certificate{cert}}), tFar, tNear)
	w.client.send(0x82, string(make([]byte, 100_000)))
	w.target.wantFrame(0x82, string(make([]byte, 100_000)))
	w.target.send(0x82, string(make([]byte, 100_000)))
	w.client.wantFrame(0x82, string(make([]byte, 100_000)))
	w.Leave()
	w.client.wantRestart()
	w.client.send(0x81, "last words")
	w.client.send(0x88, restart)
	w.target.wantFrame(0x81, "last words")
	w.target.wantFrame(0x88, restart)
	w.target.Close()
	w.wait(t)
	w.client.wantEnd()
}

// Whatever the target sends in whatever pieces, and whenever the stream is
// asked: the client gets whole messages from the start, and then a Close.
func TestLeaveAtAnyTime(t *testing.T) {
	within := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		p := randomPlan(r)
		w := connect(t, patient)
		at, pieces := r.IntN(len(p.wire)), []int{1, 30, 3000, 100000}[r.IntN(4)]
		asked := make(chan struct{})
		go func() {
			for i := 0; i < len(p.wire); {
				n := min(1+rand.IntN(pieces), len(p.wire)-i)
				if at >= i && at < i+n {
					close(asked)
				}
				if _, err := w.target.Write(p.wire[i : i+n]); err != nil {
					return
				}
				i += n
			}
		}()
		go func() { <-asked; w.Leave() }()
		end := frame(0x88, []byte(restart), false, 0)
		var got []byte
		buf := make([]byte, 64<<10)
		for !bytes.HasSuffix(got, end) {
			n, err := w.client.br.Read(buf)
			if err != nil {
				t.Fatalf("seed %d: after %d of %d bytes: %v", seed, len(got), len(p.wire), err)
			}
			got = append(got, buf[:n]...)
		}
		n := len(got) - len(end)
		if !bytes.Equal(got[:n], p.wire[:n]) || n > 0 && !p.messages[n] {
			t.Errorf("seed %d: %d of %d bytes passed, a message ends there: %v", seed, n, len(p.wire), p.messages[n])
		}
		if n < len(p.wire) {
			within++
		}
		w.client.send(0x88, restart)
		w.target.wantFrame(0x88, restart)
		w.target.Close()
		w.wait(t)
	}
	if within == 0 {
		t.Error("no stream left early")
	}
}
