package actuate

import (
	"context"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
)

// instance is a pod or a task as its platform shows it.
type instance struct {
	id      string
	name    string
	leaving bool
	ready   bool
}

// looks is a way to see the instances of a service.
type looks func(ctx context.Context) ([]instance, error)

// tracker finds phases in what is seen look by look.
type tracker struct {
	scene  *drill.Scene
	before map[string]bool
	ready  map[string]bool // of those that are new
}

func newTracker(s *drill.Scene, before []instance) *tracker {
	t := &tracker{scene: s, before: map[string]bool{}, ready: map[string]bool{}}
	for _, i := range before {
		if !i.leaving {
			t.before[i.id] = true
		}
	}
	return t
}

// see writes down what is new, and reports whether all are ready and none is
// leaving.
func (t *tracker) see(now []instance) (still bool) {
	still = true
	there := map[string]bool{}
	for _, i := range now {
		there[i.id] = !i.leaving
		if !t.before[i.id] && i.ready && !i.leaving && !t.ready[i.id] {
			t.ready[i.id] = true
			t.scene.Ready()
		}
		still = still && i.ready && !i.leaving
	}
	for id := range t.before {
		if !there[id] {
			t.scene.Terminating()
		}
	}
	return still
}

// maxBlind is how many looks in a row may fail.
const maxBlind = 5

// follow runs the event and looks again and again meanwhile; when it is over it
// goes on until enough says so of a still picture (nil: at once). What runs has
// ended when follow returns.
func (t *tracker) follow(ctx context.Context, look looks, every time.Duration, run func(context.Context) error, enough func([]instance) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { over <- run(ctx) })
	defer func() {
		cancel()
		wg.Wait()
	}()
	for blind, running := 0, true; ; {
		now, err := look(ctx)
		if err == nil {
			blind = 0
			if still := t.see(now); still && !running && (enough == nil || enough(now)) {
				return nil
			}
		} else if blind++; blind == maxBlind || ctx.Err() != nil {
			return err
		}
		wait := time.NewTimer(every)
		select {
		case err := <-over:
			if err != nil {
				wait.Stop()
				return err
			}
			running = false
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		}
		wait.Stop()
	}
}
