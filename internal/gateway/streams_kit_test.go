package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// untold is a group whose streams are never asked to leave.
func untold(g GroupOptions) GroupOptions {
	g.StreamsLeave = -1
	return g
}

// wsFrame is one frame as it arrived, unmasked.
type wsFrame struct {
	op      byte
	fin     bool
	masked  bool
	payload []byte
}

func (f wsFrame) String() string {
	if f.op == opClose && len(f.payload) >= 2 {
		return fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(f.payload), f.payload[2:])
	}
	if len(f.payload) > 40 {
		return fmt.Sprintf("op %d, %d bytes", f.op, len(f.payload))
	}
	return fmt.Sprintf("op %d fin %v %q", f.op, f.fin, f.payload)
}

const (
	opMore  = 0x0
	opText  = 0x1
	opData  = 0x2
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

// wsHead is the head of a frame on its own, so that a test can stop
// within the payload.
func wsHead(op byte, fin, masked bool, n int) []byte {
	if fin {
		op |= 0x80
	}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	b := []byte{op}
	switch {
	case n < 126:
		b = append(b, mask|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if masked {
		b = append(b, wsKey...)
	}
	return b
}

var wsKey = []byte{0x11, 0x88, 0xf4, 0x03}

func wsMask(p []byte) []byte {
	out := bytes.Clone(p)
	for i := range out {
		out[i] ^= wsKey[i%4]
	}
	return out
}

func closePayload(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

func readFrame(br *bufio.Reader) (wsFrame, error) {
	var head [2]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return wsFrame{}, err
	}
	f := wsFrame{op: head[0] & 0x0f, fin: head[0]&0x80 != 0, masked: head[1]&0x80 != 0}
	n := uint64(head[1] & 0x7f)
	var ext [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(br, ext[6:]); err != nil {
			return f, err
		}
		n = binary.BigEndian.Uint64(ext[:])
	case 127:
		if _, err := io.ReadFull(br, ext[:]); err != nil {
			return f, err
		}
		n = binary.BigEndian.Uint64(ext[:])
	}
	if n > 64<<20 {
		return f, fmt.Errorf("a frame of %d bytes", n)
	}
	var key [4]byte
	if f.masked {
		if _, err := io.ReadFull(br, key[:]); err != nil {
			return f, err
		}
	}
	f.payload = make([]byte, n)
	if _, err := io.ReadFull(br, f.payload); err != nil {
		return f, err
	}
	if f.masked {
		for i := range f.payload {
			f.payload[i] ^= key[i%4]
		}
	}
	return f, nil
}

// peer is one end of a WebSocket, written by hand.
type peer struct {
	t     *testing.T
	c     net.Conn
	br    *bufio.Reader
	masks bool // a client
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.c.Write(b); err != nil {
		p.t.Errorf("write: %v", err)
	}
}

func (p *peer) send(op byte, fin bool, payload []byte) {
	p.t.Helper()
	if p.masks {
		p.write(append(wsHead(op, fin, true, len(payload)), wsMask(payload)...))
		return
	}
	p.write(append(wsHead(op, fin, false, len(payload)), payload...))
}

// want reads the next frame.
func (p *peer) want(op byte, payload string) {
	p.t.Helper()
	f, err := readFrame(p.br)
	if err != nil {
		p.t.Fatalf("no frame: %v, want op %d %.40q", err, op, payload)
	}
	if f.op != op || string(f.payload) != payload {
		p.t.Fatalf("got %v, want op %d %.40q", f, op, payload)
	}
	if f.masked == p.masks {
		p.t.Fatalf("masked %v on the wrong side: %v", f.masked, f)
	}
}

// wantRestart reads the Close of a stream that was asked to leave.
func (p *peer) wantRestart() {
	p.t.Helper()
	p.want(opClose, string(closePayload(1012, "service restart")))
}

func (p *peer) wantEnd() {
	p.t.Helper()
	if b, err := p.br.ReadByte(); err == nil {
		p.t.Fatalf("got %#x, want the end", b)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("the connection is open: %v", err)
	}
}

// wsTarget is a target that upgrades every request and hands the connection to
// the test.
func wsTarget(t *testing.T, id string) (target.Target, <-chan *peer) {
	t.Helper()
	arrived := make(chan *peer, 200)
	return app(t, id, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		arrived <- &peer{t: t, c: c, br: rw.Reader}
	}), arrived
}

// echoTarget answers every data frame with the same, and a Close with a Close.
func echoTarget(t *testing.T, id string) target.Target {
	t.Helper()
	tgt, arrived := wsTarget(t, id)
	go func() {
		for {
			select {
			case p := <-arrived:
				go p.echo()
			case <-t.Context().Done():
				return
			}
		}
	}()
	return tgt
}

func (p *peer) echo() {
	defer p.c.Close()
	for {
		f, err := readFrame(p.br)
		if err != nil {
			return
		}
		if _, err := p.c.Write(append(wsHead(f.op, f.fin, false, len(f.payload)), f.payload...)); err != nil || f.op == opClose {
			return
		}
	}
}

// upgrade opens a WebSocket through the gateway.
func upgrade(t *testing.T, addr string, fields ...string) *peer {
	t.Helper()
	c := dial(t, addr)
	fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n", strings.Join(append(fields, ""), "\r\n"))
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("no upgrade: %v, %v", resp, err)
	}
	return &peer{t: t, c: c, br: c.br, masks: true}
}

// answerClose is what a client library does: it sends the Close back.
func (p *peer) answerClose() {
	p.t.Helper()
	p.wantRestart()
	p.send(opClose, true, closePayload(1012, "service restart"))
}

// events opens an event stream through the gateway.
func events(t *testing.T, addr, path string, fields ...string) (*client, *http.Response) {
	t.Helper()
	c := dial(t, addr)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, strings.Join(append(fields, ""), "\r\n"))
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("no stream: %v, %v", resp, err)
	}
	return c, resp
}
