package discover

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// Types and codes of RFC 1035, 2782 and 3596.
const (
	typeA, typeAAAA, typeSRV = 1, 28, 33

	noError, servFail, nxDomain, refused = 0, 2, 3, 5
)

// server is a DNS server on loopback, over UDP and TCP, with one zone.
type server struct {
	addr string

	mu      sync.Mutex
	records map[uint16][][]byte // by type
	code    map[uint16]byte     // by type
	silent  bool
	asked   map[string]int // over udp, tcp
}

// startServer returns a running server without records.
func startServer(t *testing.T) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: ln.Addr().String(), asked: map[string]int{}}
	s.set(nil, nil)
	var done sync.WaitGroup
	done.Go(func() { s.serveUDP(pc) })
	done.Go(func() { s.serveTCP(ln) })
	t.Cleanup(func() {
		ln.Close()
		pc.Close()
		done.Wait()
	})
	return s
}

func (s *server) set(records map[uint16][][]byte, code map[uint16]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records, s.code, s.silent = records, code, false
}

func (s *server) fallSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
}

func (s *server) count(network string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[network]
}

func (s *server) serveUDP(pc net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if a := s.answer(buf[:n], "udp"); a != nil {
			if len(a) > 512 { // truncated: come again over TCP
				a = append([]byte{}, a[:12+len(question(buf[:n]))]...)
				a[2] |= 2
				binary.BigEndian.PutUint16(a[6:], 0)
			}
			pc.WriteTo(a, from)
		}
	}
}

func (s *server) serveTCP(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err == nil {
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, query); err == nil {
				a := s.answer(query, "tcp")
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
			}
		}
		c.Close()
	}
}

// question is the first question of a query: name, type, class.
func question(query []byte) []byte {
	i := 12
	for i < len(query) && query[i] != 0 {
		i += int(query[i]) + 1
	}
	return query[12 : i+5]
}

func (s *server) answer(query []byte, network string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[network]++
	if s.silent {
		return nil
	}
	q := question(query)
	kind := binary.BigEndian.Uint16(q[len(q)-4:])
	records := s.records[kind]
	a := append([]byte{}, query[:2]...)
	a = append(a, 0x84, 0x80|s.code[kind]) // response, authoritative, recursion available
	a = append(a, 0, 1)
	a = binary.BigEndian.AppendUint16(a, uint16(len(records)))
	a = append(a, 0, 0, 0, 0)
	a = append(a, q...)
	for _, data := range records {
		a = append(a, 0xc0, 12) // the question's name
		a = binary.BigEndian.AppendUint16(a, kind)
		a = append(a, 0, 1, 0, 0, 0, 1)
		a = binary.BigEndian.AppendUint16(a, uint16(len(data)))
		a = append(a, data...)
	}
	return a
}

// addresses are records of type A or AAAA.
func addresses(list ...string) [][]byte {
	var out [][]byte
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a).AsSlice())
	}
	return out
}

// service is one SRV record.
func service(priority, weight, port uint16, host string) []byte {
	b := binary.BigEndian.AppendUint16(nil, priority)
	b = binary.BigEndian.AppendUint16(b, weight)
	b = binary.BigEndian.AppendUint16(b, port)
	for label := range strings.SplitSeq(host, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

// anything is a target for tests that do not look at targets.
func anything(target.Target) error { return nil }

func refuseAll(target.Target) error { return errors.New("refused") }

// told is what a source said.
type told struct {
	targets []target.Target
	err     error
}

// follow runs a source until the test ends.
func follow(t *testing.T, s Source) <-chan told {
	t.Helper()
	c := make(chan told)
	stop := make(chan struct{})
	done := make(chan struct{})
	ctx := t.Context()
	go func() {
		defer close(done)
		s.Run(ctx, func(targets []target.Target, err error) {
			select {
			case c <- told{targets, err}:
			case <-stop:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return c
}

// await returns the first thing told that is as wanted.
func await(t *testing.T, c <-chan told, what string, ok func(told) bool) told {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case is := <-c:
			if ok(is) {
				return is
			}
		case <-deadline:
			t.Fatalf("never told: %s", what)
		}
	}
}

func ids(targets []target.Target) string {
	var out []string
	for _, x := range targets {
		out = append(out, x.ID)
	}
	return strings.Join(out, " ")
}
