package streams

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// frame builds one frame by RFC 6455, 5.2; size forces a longer form of the
// length than is needed (16 or 64).
func frame(first byte, payload []byte, masked bool, size int) []byte {
	b := []byte{first}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	switch n := len(payload); {
	case size == 64 || n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	case size == 16 || n > 125:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = append(b, mask|byte(n))
	}
	if masked {
		key := []byte{0x81, 0x00, 0xff, 0x08} // looks like heads
		b = append(b, key...)
		for i, c := range payload {
			b = append(b, c^key[i%4])
		}
		return b
	}
	return append(b, payload...)
}

// plan is a stream of frames with what the oracle knows of it: where frames
// and messages end.
type plan struct {
	wire     []byte
	frames   map[int]bool
	messages map[int]bool
}

func (p *plan) add(b []byte, message bool) {
	p.wire = append(p.wire, b...)
	p.frames[len(p.wire)] = true
	if message {
		p.messages[len(p.wire)] = true
	}
}

func randomPlan(r *rand.Rand) *plan {
	p := &plan{frames: map[int]bool{}, messages: map[int]bool{}}
	body := func(most int) []byte {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = []byte{0x81, 0x88, 0x00, 0x7e, 0x7f, 'x'}[r.IntN(6)]
		}
		return b
	}
	sizes := []int{0, 3, 125, 126, 127, 300, 300, 66000}
	control := func(message bool) {
		p.add(frame([]byte{0x89, 0x8a}[r.IntN(2)], body(125), r.IntN(2) == 0, 0), message)
	}
	for range 1 + r.IntN(8) {
		most := sizes[r.IntN(len(sizes))]
		if r.IntN(4) == 0 {
			control(true)
			continue
		}
		parts := 1 + r.IntN(3)
		for i := range parts {
			first := byte(0)
			if i == 0 {
				first = byte(1 + r.IntN(2))
			}
			if i == parts-1 {
				first |= 0x80
			} else if r.IntN(3) == 0 {
				first |= 0x40 // compressed: no matter
			}
			p.add(frame(first, body(most), r.IntN(2) == 0, []int{0, 0, 16, 64}[r.IntN(4)]), i == parts-1)
			if i < parts-1 && r.IntN(2) == 0 {
				control(false)
			}
		}
	}
	return p
}

// tracker is Frames, or one with a planted fault.
type tracker interface {
	Scan(p []byte) (message, frame int)
	BetweenFrames() bool
	BetweenMessages() bool
}

// disagreements feeds the plan in random cuts and counts where the tracker and
// the oracle are of two minds.
func (p *plan) disagreements(r *rand.Rand, f tracker) int {
	bad := 0
	check := func(got, want bool) {
		if got != want {
			bad++
		}
	}
	last := func(set map[int]bool, from, to int) int {
		for i := to; i > from; i-- {
			if set[i] {
				return i - from
			}
		}
		return -1
	}
	for at := 0; at < len(p.wire); {
		n := 1 + r.IntN([]int{1, 4, 20, 5000}[r.IntN(4)])
		if r.IntN(2) == 0 { // to the end of the frame, or just beside it
			for n = 1; !p.frames[at+n]; n++ {
			}
			n = max(n-1+r.IntN(3), 1)
		}
		n = min(n, len(p.wire)-at)
		message, frame := f.Scan(p.wire[at : at+n])
		check(message == last(p.messages, at, at+n), true)
		check(frame == last(p.frames, at, at+n), true)
		at += n
		check(f.BetweenFrames(), p.frames[at])
		check(f.BetweenMessages(), p.messages[at])
	}
	return bad
}

func TestFramesAgreeWithTheOracle(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := randomPlan(r)
		var f Frames
		if n := p.disagreements(r, &f); n != 0 {
			t.Fatalf("seed %d: %d disagreements", seed, n)
		}
		if f.Closing() || f.Left() != 0 {
			t.Fatalf("seed %d: closing %v, left %d", seed, f.Closing(), f.Left())
		}
	}
}

// faulty is Frames with a fault.
type faulty struct {
	Frames
	fault string
}

func (f *faulty) Scan(p []byte) (int, int) {
	before := f.left
	message, frame := f.Frames.Scan(p)
	switch f.fault {
	case "off by one at the end":
		if frame > 0 && frame < len(p) {
			frame++
		}
	case "off by one in a cut payload":
		if before == 0 && f.left > 1 {
			f.left--
		}
	case "a cut head begins again":
		if f.left == 0 && f.have == 1 {
			f.have = 0
		}
	case "a control frame ends the message":
		if frame >= 0 && f.head[0]&controlBit != 0 {
			f.within = false
		}
	}
	return message, frame
}

func TestPlantedFaultsInFramesAreFound(t *testing.T) {
	for _, fault := range []string{"", "off by one at the end", "off by one in a cut payload", "a cut head begins again", "a control frame ends the message"} {
		bad := 0
		for seed := range uint64(40) {
			r := rand.New(rand.NewPCG(seed, 2))
			bad += randomPlan(r).disagreements(r, &faulty{fault: fault})
		}
		if (bad == 0) != (fault == "") {
			t.Errorf("%q: %d disagreements", fault, bad)
		}
	}
}

func TestFramesAdvance(t *testing.T) {
	var f Frames
	whole := frame(0x82, make([]byte, 50000), true, 0)
	f.Scan(whole[:100])
	if f.Left() != uint64(len(whole)-100) || f.BetweenFrames() {
		t.Fatalf("left %d", f.Left())
	}
	f.Advance(0)
	f.Advance(f.Left() - 1)
	if f.Left() != 1 || f.BetweenFrames() {
		t.Errorf("left %d", f.Left())
	}
	f.Advance(1)
	if !f.BetweenMessages() {
		t.Error("not between messages")
	}
}

func TestFramesAtAClose(t *testing.T) {
	var f Frames
	message, fr := f.Scan(append(frame(0x81, []byte("x"), false, 0), 0x88, 0x02, 0x03))
	if message != 3 || fr != 3 || !f.Closing() || f.Closed() || f.BetweenFrames() {
		t.Errorf("%d, %d, %+v", message, fr, f)
	}
	if message, fr = f.Scan([]byte{0xf4, 0x81, 0x00}); fr != 1 || message != 1 || !f.Closed() || f.BetweenFrames() {
		t.Errorf("%d, %d, %+v", message, fr, f)
	}
	// What is no WebSocket at all is never interrupted.
	var lost Frames
	if message, fr = lost.Scan([]byte{0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 'x'}); message != -1 || fr != -1 || lost.BetweenFrames() || lost.Left() != 0 {
		t.Errorf("%d, %d, %+v", message, fr, lost)
	}
}

// FuzzFrames: whatever comes, at once or in two cuts, the outcome is the same.
func FuzzFrames(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		p := randomPlan(r)
		f.Add(p.wire[:min(len(p.wire), 400)], uint16(r.IntN(400)))
	}
	f.Add(closeFrame(true), uint16(3))
	f.Add([]byte{0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 1, 'x'}, uint16(4))
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		cut := min(int(at), len(b))
		var once, twice Frames
		message, frame := once.Scan(b)
		m1, f1 := twice.Scan(b[:cut])
		m2, f2 := twice.Scan(b[cut:])
		if m2 >= 0 {
			m1 = m2 + cut
		}
		if f2 >= 0 {
			f1 = f2 + cut
		}
		if message != m1 || frame != f1 || once != twice {
			t.Errorf("%d, %d, %+v at once, %d, %d, %+v cut at %d", message, frame, once, m1, f1, twice, cut)
		}
		if int64(once.Left()) < 0 || message > frame || frame > len(b) {
			t.Errorf("%d, %d, left %d", message, frame, once.Left())
		}
	})
}

func TestCloseFrame(t *testing.T) {
	want := append([]byte{0x88, 17, 0x03, 0xf4}, "service restart"...)
	if got := closeFrame(false); !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	a, b := closeFrame(true), closeFrame(true)
	if bytes.Equal(a, b) || a[1] != 0x80|17 {
		t.Errorf("% x, % x", a, b)
	}
	for i := range a[6:] {
		a[6+i] ^= a[2+i%4]
	}
	if !bytes.Equal(a[6:], want[2:]) {
		t.Errorf("% x", a)
	}
}

// eventsIn is the oracle: it parses a whole event stream at once, line by
// line, and says whether something is left over that a client would drop.
func eventsIn(s string) (n int, rest bool) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(s, "\n")
	fields := 0
	for _, line := range lines[:len(lines)-1] {
		switch {
		case line == "" && fields > 0:
			n, fields = n+1, 0
		case line != "" && line[0] != ':':
			fields++
		}
	}
	return n, fields > 0 || lines[len(lines)-1] != ""
}

func randomEvents(r *rand.Rand) string {
	var b strings.Builder
	nl := []string{"\n", "\r", "\r\n"}[r.IntN(3)]
	if r.IntN(5) == 0 {
		b.WriteString("\uFEFF")
	}
	for range 1 + r.IntN(12) {
		b.WriteString([]string{"data: x", "data", "id: 7", ": ping", "event: y", ":", "", "", "", "retry: 3"}[r.IntN(10)])
		b.WriteString(nl)
	}
	if r.IntN(3) == 0 {
		b.WriteString("data: un")
	}
	return b.String()
}

type boundary interface {
	Scan(p []byte) int
	Between() bool
}

// wrong counts the boundaries that are none, and those at the end of a piece
// that were not seen.
func wrong(r *rand.Rand, s string, f boundary) (bad int) {
	for at := 0; at < len(s); {
		n := min(1+r.IntN([]int{1, 3, 40}[r.IntN(3)]), len(s)-at)
		end := f.Scan([]byte(s[at : at+n]))
		if end >= 0 {
			if _, rest := eventsIn(s[:at+end]); rest {
				bad++
			}
		}
		at += n
		_, rest := eventsIn(s[:at])
		half := strings.HasSuffix(s[:at], "\r") && strings.Contains(s[:at], "\r\n")
		if f.Between() != (!rest && !half) || !half && (end == n) != f.Between() {
			bad++
		}
	}
	return bad
}

func TestBoundaryAgreesWithTheOracle(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := randomEvents(r)
		if n := wrong(r, s, new(Boundary)); n != 0 {
			t.Fatalf("seed %d: %q: %d wrong", seed, s, n)
		}
	}
}

type faultyBoundary struct {
	Boundary
	fault string
}

func (f *faultyBoundary) Scan(p []byte) int {
	switch f.fault {
	case "the second half of a line end is a line":
		f.cr = false
	case "a piece begins a line":
		f.inLine = false
	}
	end := f.Boundary.Scan(p)
	if f.fault == "off by one" && end > 0 {
		end--
	}
	return end
}

func TestPlantedFaultsInBoundaryAreFound(t *testing.T) {
	for _, fault := range []string{"", "off by one", "the second half of a line end is a line", "a piece begins a line"} {
		bad := 0
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, 4))
			bad += wrong(r, randomEvents(r), &faultyBoundary{fault: fault})
		}
		if (bad == 0) != (fault == "") {
			t.Errorf("%q: %d wrong", fault, bad)
		}
	}
}

func FuzzBoundary(f *testing.F) {
	for _, s := range []string{"data: x\n\n", "data: x\r\n\r\n: c\r\nid", "\r\r\n\n", ":\n\rdata\r\r", "\uFEFFdata: a\n\n"} {
		f.Add([]byte(s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		cut := min(int(at), len(b))
		var once, twice Boundary
		end := once.Scan(b)
		e1, e2 := twice.Scan(b[:cut]), twice.Scan(b[cut:])
		if e2 >= 0 {
			e1 = e2 + cut
		}
		if end != e1 || once != twice {
			t.Errorf("%d, %+v at once, %d, %+v cut at %d", end, once, e1, twice, cut)
		}
		if end >= 0 {
			if _, rest := eventsIn(string(b[:end])); rest {
				t.Errorf("%q is no boundary", b[:end])
			}
		}
	})
}
