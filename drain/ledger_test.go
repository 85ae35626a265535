package drain

import (
	"context"
	"testing"
)

func newLedger() *ledger {
	l := &ledger{}
	l.init()
	return l
}

func (l *ledger) newRequest() *request {
	return &request{ledger: l, cancel: func(error) {}}
}

// Flushing cannot begin over a request that came in at the last moment, and
// nothing comes in afterwards.
func TestLedgerClosesOnlyWhenEmpty(t *testing.T) {
	l := newLedger()
	l.advance(Draining)
	r := l.newRequest()
	if !l.enter(r) || !r.late {
		t.Fatal("a late request was not let in as one")
	}
	if l.close() || l.State() != Draining {
		t.Fatal("closed over a request in flight")
	}
	l.exit(r)
	select {
	case <-l.quiet:
	default:
		t.Fatal("no word that nothing is in flight")
	}
	if !l.close() || l.State() != Flushing {
		t.Fatal("not closed although nothing is in flight")
	}
	if l.enter(l.newRequest()) {
		t.Fatal("let in while flushing")
	}
}

func TestLedgerTellsLateOnesAtOnce(t *testing.T) {
	l := newLedger()
	early := l.newRequest()
	l.enter(early)
	l.stream(early)
	l.advance(Draining)
	late := l.newRequest()
	l.enter(late)
	ctx := context.WithValue(t.Context(), requestKey{}, late)
	select {
	case <-Stream(ctx):
	default:
		t.Error("a stream that starts while draining is not told")
	}
	select {
	case <-l.leaving(early):
		t.Error("a stream was told before its turn")
	default:
	}
	if left := l.tellStreams(1); left != 0 {
		t.Errorf("%d streams left after the last round", left)
	}
	<-l.leaving(early)
	l.exit(early)
	l.exit(late)
	if all, told := l.tallies(); told != 2 || all[stream] != (Tally{InFlight: 1, Late: 1, Finished: 2}) {
		t.Errorf("all[stream] %+v, told %d", all[stream], told)
	}
}

// A hijacked connection counts until it is closed and its handler is back, in
// either order.
func TestLedgerHijack(t *testing.T) {
	l := newLedger()
	r := l.newRequest()
	l.enter(r)
	if !l.hijack(r, nil) {
		t.Fatal("refused")
	}
	for want := range 2 {
		if live, _ := l.counts(); live != [kinds]int{stream: 1} {
			t.Errorf("after %d ends: %v in flight", want, live)
		}
		l.exit(r)
	}
	if live, _ := l.counts(); live != [kinds]int{} {
		t.Errorf("%v in flight after the end", live)
	}
	cut := l.newRequest()
	l.enter(cut)
	l.cut(plain)
	if l.hijack(cut, nil) {
		t.Error("a request that was cut took its connection")
	}
}
