package link

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestAFlightIsShared(t *testing.T) {
	var f flight
	var running sync.WaitGroup
	run := func(work func()) bool {
		running.Go(work)
		return true
	}
	started, finish := make(chan bool, 100), make(chan bool)
	want := errors.New("result")
	work := func() error {
		started <- true
		<-finish
		return want
	}
	first := f.start(run, work)
	<-started
	if f.start(run, work) != first {
		t.Error("a second flight starts while the first is on its way")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.do(ctx, run, work); !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait got %v", err)
	}
	close(finish)
	<-first.done
	if !errors.Is(first.err, want) || len(started) != 0 {
		t.Errorf("the result is %v, %d more were started", first.err, len(started))
	}
	if err := f.do(t.Context(), run, work); !errors.Is(err, want) || len(started) != 1 {
		t.Errorf("the next flight: %v, started %d times", err, len(started))
	}
	running.Wait()
	if err := f.do(t.Context(), func(func()) bool { return false }, work); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
}
