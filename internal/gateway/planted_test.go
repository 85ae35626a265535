//go:build linux

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

// fault is what the first target does to a request. The second one is well.
type fault struct {
	name    string
	proof   proof
	act     func(*planted)
	refused bool                 // nobody listens
	stale   bool                 // a warm connection is closed while it is idle
	lost    []syscall.SockFilter // segments that never arrive
	onlyNew bool                 // makes no sense on a connection that was used
	opt     upstream.Options
}

// proof is what the gateway can know after a fault, and so what must follow.
type proof uint8

const (
	noConnection proof = iota // the other target answers, whatever was asked
	untouched                 // nothing was read, and that can be shown: as above but for never
	ambiguous                 // it may have been read: only what may be done twice is replayed
	tooLate                   // no answer in time: nothing is replayed
	begun                     // a byte of the answer came: nothing is replayed, nothing ends well
	answered                  // there is a final answer, which is passed on
	either                    // a race: one of untouched and ambiguous
)

func hold(p *planted) { <-p.led.done }

// cut executes the request, and sends a part of an answer.
func cut(part string) func(*planted) {
	return func(p *planted) {
		p.execute()
		p.send(part)
	}
}

var faults = []fault{
	{name: "connection refused", proof: noConnection, refused: true, onlyNew: true},
	{name: "connecting: black hole", proof: noConnection, lost: dropAll, onlyNew: true, act: hold,
		opt: upstream.Options{DialTimeout: 50 * time.Millisecond}},
	{name: "closed while idle", proof: answered, stale: true, act: func(p *planted) { p.execute(); p.answer() }},
	{name: "accepted and closed", proof: either, onlyNew: true, act: func(*planted) {}},
	{name: "FIN crosses the request", proof: untouched, lost: dropPayload, act: func(p *planted) { p.lost() }},
	{name: "RST crosses the request", proof: ambiguous, lost: dropPayload, act: func(p *planted) { p.lost(); p.reset() }},
	{name: "FIN, acknowledged, unread", proof: ambiguous, act: func(p *planted) { p.arrived(); p.CloseWrite(); hold(p) }},
	{name: "RST, acknowledged, unread", proof: ambiguous, act: func(p *planted) { p.arrived() }},
	{name: "FIN after a partial read", proof: ambiguous, act: func(p *planted) { p.Read(make([]byte, 10)); p.CloseWrite(); hold(p) }},
	{name: "RST after a partial read", proof: ambiguous, act: func(p *planted) { p.Read(make([]byte, 10)); p.reset() }},
	{name: "FIN after all was read", proof: ambiguous, act: func(p *planted) { p.execute() }},
	{name: "RST after all was read", proof: ambiguous, act: func(p *planted) { p.execute(); p.reset() }},
	{name: "the host vanishes", proof: ambiguous, lost: dropPayload, act: hold,
		opt: upstream.Options{SilenceTimeout: 100 * time.Millisecond}},
	{name: "no answer in time", proof: tooLate, act: func(p *planted) { p.execute(); hold(p) },
		opt: upstream.Options{HeaderTimeout: 50 * time.Millisecond}},
	{name: "garbage", proof: begun, act: cut("220 mail.example ESMTP\r\n")},
	{name: "head cut", proof: begun, act: cut("HTTP/1.1 200 O")},
	{name: "103, then FIN", proof: begun, act: cut("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")},
	{name: "body cut, by length", proof: begun, act: cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")},
	{name: "body cut, in a chunk", proof: begun, act: cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc")},
	{name: "body cut, between chunks", proof: begun, act: cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")},
	{name: "answered, then FIN", proof: answered, act: func(p *planted) { p.execute(); p.answer() }},
	{name: "413 before the body", proof: answered, act: func(p *planted) {
		p.arrived()
		p.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\na")
		p.CloseWrite()
		p.drain()
	}},
}

var bodySizes = []int{0, 1 << 10, 64 << 10, 1 << 20}

// planting is one case.
type planting struct {
	fault  fault
	warm   bool // the request meets a connection that was used before
	method string
	post   POSTReplay
	size   int
}

func (c planting) String() string {
	return fmt.Sprintf("%s, %s %s, %d B, used before: %v", c.fault.name, c.method, c.post, c.size, c.warm)
}

// outcome is what the client saw, and what the targets did.
type outcome struct {
	answer
	read     int64
	executed []string
}

// cell is the outcome in a table.
func (o outcome) cell() string {
	switch {
	case o.err != nil: // also before the head, when that was still buffered
		return "cut"
	case o.StatusCode == 200 && o.body == "b":
		return "other"
	default:
		return strconv.Itoa(o.StatusCode)
	}
}

// run sends one request to a gateway whose first choice is the faulty target.
func (c planting) run(t *testing.T, engine func(pool) pool) outcome {
	led := &ledger{ready: make(chan struct{}, 1), done: make(chan struct{})}
	defer close(led.done)
	grp := shop()
	grp.Retries.POST = c.post
	opt := options(grp)
	opt.Upstream = c.fault.opt
	opt.Upstream.DialTimeout = or(opt.Upstream.DialTimeout, time.Minute)
	opt.Upstream.SilenceTimeout = or(opt.Upstream.SilenceTimeout, time.Minute)
	opt.Traffic.Listener = listen(t)
	g, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if newPool := g.newPool; engine != nil {
		g.newPool = func(addr string) pool { return engine(newPool(addr)) }
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v: run: %v", c, err)
		}
	}()
	bad := plant(t, "a", led, c.fault, c.warm)
	bad.Weight = target.MaxWeight // chosen first
	good := plant(t, "b", led, fault{act: func(p *planted) { p.execute(); p.answer() }}, false)
	must(t, g.Register("shop", bad))
	addr := opt.Traffic.Listener.Addr().String()
	if c.warm {
		once(t, addr, "GET", "/", "").want(t, 200, "a")
		<-led.ready
	}
	must(t, g.Register("shop", good))
	return c.ask(t, addr, led)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c planting) ask(t *testing.T, addr string, led *ledger) outcome {
	conn := dial(t, addr)
	defer conn.Close()
	head := c.method + " / HTTP/1.1\r\nHost: shop.example\r\n"
	if c.post == ReplayIdempotencyKey {
		head += "Idempotency-Key: 1\r\n"
	}
	if c.size > 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n", c.size)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(conn, head+"\r\n"+strings.Repeat("x", c.size)) // may fail: refused early
	}()
	a := conn.read(c.method)
	for a.Response != nil && a.StatusCode < 200 {
		a = conn.read(c.method)
	}
	conn.Close()
	<-sent
	led.mu.Lock()
	defer led.mu.Unlock()
	return outcome{a, led.read.Load(), slices.Clone(led.executed)}
}

// violations is the oracle's verdict by what the targets counted: what no
// outcome may be, whatever the gateway thought it knew.
func (c planting) violations(o outcome) (found []string) {
	bad := func(format string, args ...any) { found = append(found, c.String()+": "+fmt.Sprintf(format, args...)) }
	twiceMay := c.method == "GET" || c.post == ReplayAlways || c.post == ReplayIdempotencyKey
	replayed := slices.Contains(o.executed, "b")
	if !twiceMay && len(o.executed) > 1 {
		bad("executed twice, by %v", o.executed)
	}
	if !twiceMay && replayed && o.read > 0 {
		bad("replayed although the first target had read %d bytes", o.read)
	}
	if o.err == nil && o.StatusCode < 300 && o.body != "a" && o.body != "b" {
		bad("ended well with %d %q", o.StatusCode, o.body)
	}
	return found
}

// expected lists the cells that may come out, by what can be known.
func (c planting) expected() []string {
	small := c.size <= maxKept
	twiceMay := c.method == "GET" || c.post == ReplayAlways || c.post == ReplayIdempotencyKey
	switch c.fault.proof {
	case noConnection:
		return []string{"other"}
	case untouched:
		twiceMay = twiceMay || c.post == ReplayUnsent
	case either:
		if !twiceMay && c.post == ReplayUnsent {
			return []string{"other", "502"}
		}
	case ambiguous:
	case tooLate:
		return []string{"504"}
	case begun:
		return []string{"502", "cut"}
	case answered:
		return []string{"200", "413"}
	}
	switch {
	case twiceMay && !small: // it depends on how much was taken when it broke
		return []string{"other", "502"}
	case twiceMay:
		return []string{"other"}
	default:
		return []string{"502"}
	}
}

// everyPlanting runs f with every case of a fault.
func everyPlanting(f fault, run func(planting)) {
	for _, warm := range []bool{false, true} {
		if warm && f.onlyNew {
			continue
		}
		for _, size := range bodySizes {
			run(planting{f, warm, "GET", ReplayUnsent, size})
			for _, post := range []POSTReplay{ReplayNever, ReplayUnsent, ReplayIdempotencyKey, ReplayAlways} {
				run(planting{f, warm, "POST", post, size})
			}
		}
	}
}

// What is replayed after each fault. With -v it prints the table.
func TestPlantedFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			row := map[string][]string{}
			everyPlanting(f, func(c planting) {
				o := c.run(t, nil)
				for _, v := range c.violations(o) {
					t.Error(v)
				}
				if !slices.Contains(c.expected(), o.cell()) {
					t.Errorf("%v: got %s (%v, %v), want one of %v; executed by %v", c, o.cell(), o.err, o.Response, c.expected(), o.executed)
				}
				column := fmt.Sprintf("%v %s %v", c.warm, c.method, c.post)
				row[column] = append(row[column], o.cell())
			})
			t.Log(f.line(row))
		})
	}
}

// line is the table's row: a cell for all sizes, or what each of 0, 1 KB,
// 64 KB and 1 MB gave where they differ.
func (f fault) line(row map[string][]string) string {
	var b strings.Builder
	for _, warm := range []bool{false, true} {
		if warm && f.onlyNew {
			continue
		}
		fmt.Fprintf(&b, "\n| %s | %s", f.name, map[bool]string{false: "new", true: "used"}[warm])
		for _, column := range []string{"GET unsent", "POST never", "POST unsent", "POST idempotency_key", "POST always"} {
			cells := row[fmt.Sprintf("%v %s", warm, column)]
			if len(slices.Compact(slices.Clone(cells))) == 1 {
				cells = cells[:1]
			}
			b.WriteString(" | " + strings.Join(cells, " "))
		}
		b.WriteString(" |")
	}
	return b.String()
}

// naive is a pool that claims after each failure that nothing was received,
// and ends every body well: what the oracle must find.
type naive struct{ pool }

func (n naive) Do(ctx context.Context, r *upstream.Request) (*upstream.Response, error) {
	resp, err := n.pool.Do(ctx, r)
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		e.Unreceived, e.Answer, e.Err = true, false, io.ErrUnexpectedEOF
		return nil, e
	}
	if err == nil {
		resp.Body = forgiving{resp.Body}
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
	}
	return resp, err
}

type forgiving struct{ io.ReadCloser }

func (f forgiving) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// The oracle finds an engine that lies, wherever that has consequences.
func TestPlantedFaultsAreFound(t *testing.T) {
	caught := map[string]bool{
		"FIN after a partial read": true, "RST after a partial read": true,
		"FIN after all was read": true, "RST after all was read": true, "no answer in time": true,
		"garbage": true, "head cut": true, "103, then FIN": true,
		"body cut, by length": true, "body cut, in a chunk": true, "body cut, between chunks": true,
	}
	for _, f := range faults {
		for _, warm := range []bool{false, true} {
			if warm && f.onlyNew {
				continue
			}
			c := planting{f, warm, "POST", ReplayUnsent, 1 << 10}
			o := c.run(t, func(p pool) pool { return naive{p} })
			if got := len(c.violations(o)) > 0; got != caught[f.name] {
				t.Errorf("%v: found %v, want %v: %s by %v, %d bytes read", c, got, caught[f.name], o.cell(), o.executed, o.read)
			}
		}
	}
}
