package drain

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A drainer that is leaving, with what Run will return.
func leavingSoon(t *testing.T, b Budget) (d *Drainer, reports chan Report) {
	t.Helper()
	d, err := New(Options{Budget: b, Grace: time.Hour, Signals: nil})
	if err != nil {
		t.Fatal(err)
	}
	return d, make(chan Report, 1)
}

func TestWorkIsWaitedFor(t *testing.T) {
	d, reports := leavingSoon(t, Budget{Withdraw: None, Requests: time.Minute})
	ctx, done, err := d.Begin(t.Context(), "message")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		r, _ := d.Run(context.Background())
		reports <- r
	}()
	d.Drain()
	<-Leaving(ctx)
	select {
	case r := <-reports:
		t.Fatalf("Run did not wait: %+v", r)
	case <-d.Reached(Draining):
	}
	done()
	done() // counts once
	if r := <-reports; r.Requests != (Tally{InFlight: 1, Finished: 1}) {
		t.Errorf("%+v", r)
	}
	if _, _, err := d.Begin(t.Context(), "too late"); !errors.Is(err, ErrLeaving) {
		t.Errorf("after the end: %v", err)
	}
}

func TestWorkIsCutAndNamed(t *testing.T) {
	d, reports := leavingSoon(t, Budget{Withdraw: None, Requests: 50 * time.Millisecond, Streams: None})
	ctx, done, err := d.Begin(t.Context(), "message")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	go func() {
		r, _ := d.Run(context.Background())
		reports <- r
	}()
	d.Drain()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrCut) {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
	r := <-reports
	if len(r.Cut) != 1 || r.Cut[0] != (CutRoute{Route: "message", Requests: 1}) {
		t.Errorf("cut: %+v", r.Cut)
	}
}

// A worker finishes the message in hand and takes no other.
func TestAWorkerEndsBetweenTwoMessages(t *testing.T) {
	d, reports := leavingSoon(t, Budget{Withdraw: None, Requests: time.Minute})
	var begun, finished atomic.Int64
	hand := make(chan struct{})
	d.Worker("orders", func(ctx context.Context) error {
		for {
			select {
			case <-Leaving(ctx):
				return nil
			default:
			}
			begun.Add(1)
			<-hand
			finished.Add(1)
		}
	})
	d.Worker("broken", func(context.Context) error { return errors.New("no broker") })
	go func() {
		r, _ := d.Run(context.Background())
		reports <- r
	}()
	hand <- struct{}{}
	hand <- struct{}{} // the third message is in hand, or about to be
	for begun.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	d.Drain()
	<-d.Reached(Draining)
	close(hand)
	r := <-reports
	if begun.Load() != 3 || finished.Load() != 3 {
		t.Errorf("%d messages begun, %d finished", begun.Load(), finished.Load())
	}
	if r.Workers != (Tally{InFlight: 1, Finished: 1}) || r.Requests != (Tally{}) || !r.Empty() {
		t.Errorf("%+v", r)
	}
}

func TestOnLeavingIsCalledOnce(t *testing.T) {
	d, reports := leavingSoon(t, Budget{Withdraw: None, Streams: time.Minute})
	ctx, done, err := d.Begin(t.Context(), "socket")
	if err != nil {
		t.Fatal(err)
	}
	Stream(ctx)
	closed := make(chan int, 2)
	stop := OnLeaving(ctx, func() { closed <- CloseServiceRestart; done() })
	defer stop()
	never := OnLeaving(ctx, func() { closed <- CloseGoingAway })
	never()
	go func() {
		r, _ := d.Run(context.Background())
		reports <- r
	}()
	d.Drain()
	r := <-reports
	if r.Streams != (Tally{InFlight: 1, Finished: 1}) || r.Told != 1 {
		t.Errorf("%+v", r)
	}
	if len(closed) != 1 || <-closed != CloseServiceRestart {
		t.Error("what was stopped was called")
	}
	// Outside of a Handler nobody is ever told.
	OnLeaving(context.Background(), func() { t.Error("told") })()
}

// A hook asks for the way out, then the platform sends its signal all the same:
// that shortens nothing. The next one does.
func TestTheFirstSignalAfterDrainShortensNothing(t *testing.T) {
	d, reports := leavingSoon(t, Budget{Withdraw: time.Minute, Requests: None, Streams: None})
	var signals chan<- os.Signal
	listening := make(chan struct{})
	d.notify = func(c chan<- os.Signal, _ ...os.Signal) func() {
		signals = c
		close(listening)
		return func() {}
	}
	go func() {
		r, _ := d.Run(context.Background())
		reports <- r
	}()
	<-listening
	d.Drain()
	<-d.Reached(Withdrawing)
	signals <- syscall.SIGTERM
	for len(signals) > 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if s := d.State(); s != Withdrawing {
		t.Errorf("%v after the platform's signal", s)
	}
	signals <- syscall.SIGTERM
	if r := <-reports; r.Shortened != 1 || r.Trigger != "call" {
		t.Errorf("%+v", r)
	}
}
