package redisstore

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// downPhase is a part of an outage. While it begins or ends, the servers may
// be in either state.
type downPhase int32

const (
	downBefore downPhase = iota
	downBegins
	downDuring
	downEnds
	downAfter
)

// downEvent is a request and its answer.
type downEvent struct {
	kind      string // of downKinds
	sent, got downPhase
	at        time.Time // of the answer
	v         int       // what a write writes
	low, high int       // what the writer may read: from the last acknowledged to the last sent
	downAnswer
}

// The kinds of requests. The reader only reads; the writer writes and reads, in
// turn; strangers have no cookie; a static page has one and does not use it.
const (
	aRead   = "read"
	aWrite  = "write"
	aReread = "read by the writer"
	aStatic = "static page"
	aGuest  = "stranger's page"
	aSignIn = "sign-in"
)

// downTraffic is what one service is asked all the time, and what it answers.
type downTraffic struct {
	*downService
	reader, writer, leaver *downBrowser
	cookie                 string // the reader's

	mu     sync.Mutex
	events []downEvent
}

func newDownTraffic(t *testing.T, s *downService) *downTraffic {
	t.Helper()
	d := &downTraffic{downService: s, reader: s.signedIn(t, "alice"), writer: s.signedIn(t, "bob"), leaver: s.signedIn(t, "carol")}
	d.cookie = d.reader.jar["__Host-session"]
	return d
}

// run sends requests until stop is closed.
func (d *downTraffic) run(phase *atomic.Int32, stop <-chan struct{}) {
	ask := func(e downEvent, b *downBrowser, path string) downEvent {
		e.sent = downPhase(phase.Load())
		e.downAnswer = b.get(path)
		e.got, e.at = downPhase(phase.Load()), time.Now()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.events = append(d.events, e)
		return e
	}
	loop := func(once func()) func() {
		return func() {
			for {
				once()
				select {
				case <-stop:
					return
				case <-time.After(25 * time.Millisecond): // not the test's pace, only its load
				}
			}
		}
	}
	acked, sent := 0, 0
	var wg sync.WaitGroup
	wg.Go(loop(func() { ask(downEvent{kind: aRead}, d.reader, "/who") }))
	wg.Go(loop(func() {
		sent++
		if e := ask(downEvent{kind: aWrite, v: sent}, d.writer, fmt.Sprint("/write?v=", sent)); e.code == http.StatusOK {
			acked = sent
		}
		ask(downEvent{kind: aReread, low: acked, high: sent}, d.writer, "/who")
	}))
	wg.Go(loop(func() {
		ask(downEvent{kind: aStatic}, &downBrowser{d.downService, map[string]string{"__Host-session": d.cookie}}, "/static")
		ask(downEvent{kind: aGuest}, d.browser(), "/who")
		ask(downEvent{kind: aSignIn}, d.browser(), "/in?u=newcomer")
	}))
	wg.Wait()
}

// seen is how many requests of a kind were sent and answered in a phase, with
// a code.
func (d *downTraffic) seen(kind string, in downPhase, code int) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.events {
		if e := &d.events[i]; e.kind == kind && e.sent == in && e.got == in && e.code == code {
			n++
		}
	}
	return n
}

// want is a complaint until enough answers of a kind have come in a phase.
func (d *downTraffic) want(in downPhase, code int, kinds ...string) string {
	for _, kind := range kinds {
		if n := d.seen(kind, in, code); n < 4 {
			return fmt.Sprintf("%s: %d answers of %d to a %s; ", d.name, n, code, kind)
		}
	}
	return ""
}

// downRules say what an outage may look like from outside.
type downRules struct {
	reads   bool // the servers answer reads all the time
	mayRead bool // or some of them
	ends    bool // sessions can be ended all the time
	loses   bool // afterwards the sessions are gone, as the servers' settings have it
	lingers bool // what was sent to the servers may be done when the outage ends, until it is too late
}

// judge is what is wrong with an answer, "" if nothing is.
func (r downRules) judge(m downMode, e *downEvent) string {
	trouble := e.got >= downBegins && e.sent <= downEnds
	strictly := e.sent == downDuring && e.got == downDuring
	unavailable := e.code == http.StatusServiceUnavailable
	session := slices.ContainsFunc(e.cookies, func(k *http.Cookie) bool { return k.Name == "__Host-session" })
	switch {
	case e.err != nil:
		return "no answer: " + e.err.Error()
	case unavailable && e.retryAfter == "":
		return "503 without Retry-After"
	case unavailable && !trouble:
		return "503 without an outage"
	case session && (e.kind != aSignIn || e.code != http.StatusOK):
		return "the session's cookie is touched"
	}
	gone := r.loses && e.got >= downEnds
	switch e.kind {
	case aStatic, aGuest:
		if e.code != http.StatusOK || e.body != map[string]string{aStatic: "static", aGuest: "nobody"}[e.kind] {
			return fmt.Sprintf("what needs no session got %d %q", e.code, e.body)
		}
		return ""
	case aRead, aReread:
		return r.judgeRead(m, e, gone, strictly)
	case aWrite:
		return judgeChange(e, "written", gone, strictly)
	}
	return judgeChange(e, "in", false, strictly)
}

func (r downRules) judgeRead(m downMode, e *downEvent, gone, strictly bool) string {
	switch {
	case e.code == http.StatusServiceUnavailable:
		// The writer's copy goes with a write whose outcome is open.
		if strictly && (r.reads || m.graced() && e.kind == aRead) {
			return "503 for a read that should go on"
		}
		return ""
	case e.body == "nobody" && !gone:
		return "signed out"
	case e.code != http.StatusOK:
		return fmt.Sprintf("%d %q", e.code, e.body)
	case gone:
		return ""
	case e.kind == aRead && e.body != "alice 0 0":
		return fmt.Sprintf("%q", e.body)
	}
	if e.kind == aRead {
		return ""
	}
	var note, echo int
	if n, _ := fmt.Sscanf(e.body, "bob %d %d", &note, &echo); n != 2 || note != echo || note < e.low || note > e.high {
		return fmt.Sprintf("%q after a write of %d was acknowledged, the last one being %d", e.body, e.low, e.high)
	}
	return ""
}

func judgeChange(e *downEvent, done string, gone, strictly bool) string {
	switch {
	case e.code == http.StatusServiceUnavailable:
		return ""
	case e.code == http.StatusUnauthorized && !gone:
		return "signed out"
	case e.code == http.StatusUnauthorized:
		return ""
	case e.code != http.StatusOK || e.body != done:
		return fmt.Sprintf("%d %q", e.code, e.body)
	case strictly:
		return "acknowledged while nothing can be written"
	}
	return ""
}

// answers are all kinds of wrong answers that a service gave.
func (d *downTraffic) answers(r downRules) (list []string) {
	for i := range d.events {
		if text := r.judge(d.downMode, &d.events[i]); text != "" {
			list = append(list, fmt.Sprintf("%s: %s: %s", d.name, d.events[i].kind, text))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// writes are all kinds of faults in what became of the writes. ledger is what
// is there of them, and ended when the outage did.
func (d *downTraffic) writes(r downRules, ledger string, ended time.Time) (list []string) {
	there := map[string]int{}
	for v := range strings.FieldsSeq(ledger) {
		there[v]++
	}
	for i := range d.events {
		e := &d.events[i]
		if e.kind != aWrite {
			continue
		}
		refused := e.sent == downDuring && e.got == downDuring && e.code != http.StatusOK &&
			(!r.lingers || e.at.Add(downSettled).Before(ended))
		switch n := there[strconv.Itoa(e.v)]; {
		case n > 1:
			list = append(list, d.name+": a write was applied more than once")
		case n == 0 && e.code == http.StatusOK:
			list = append(list, d.name+": a write was acknowledged and lost")
		case n > 0 && refused:
			list = append(list, d.name+": a write was refused and applied")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
