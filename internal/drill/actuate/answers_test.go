package actuate

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// speak has instances answer every ten milliseconds, as the function says who,
// until the test ends.
func speak(t *testing.T, clock engine.Clock, a *Answers, who func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, 10*time.Millisecond) == nil {
			for _, name := range who() {
				a.Observe(history.Op{Instance: name, Return: clock.Now()})
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// answering makes an exec event while instances answer, first those of before
// and, once the command has run, those of after.
func answering(t *testing.T, before, after []string) history.Event {
	t.Helper()
	clock, answers, changed := engine.NewClock(), &Answers{}, make(chan struct{})
	speak(t, clock, answers, func() []string {
		select {
		case <-changed:
			return after
		default:
			return before
		}
	})
	for len(answers.alive(clock.Now())) < len(before) {
		time.Sleep(time.Millisecond)
	}
	a, err := New(plan.Event{Exec: "true"}, Env{Answers: answers})
	if err != nil {
		t.Fatal(err)
	}
	s := drill.NewScene(clock, 1, a.Kind)
	time.AfterFunc(300*time.Millisecond, func() { close(changed) })
	if err := a.Do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s.Event()
}

// Where nothing else shows phases, answers do.
func TestPhasesByAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after      []string
		terminating, ready bool
	}{
		"one replaced": {[]string{"a", "b", "c"}, []string{"a", "b", "d"}, true, true},
		"one gone":     {[]string{"a", "b"}, []string{"a"}, true, false},
		"one more":     {[]string{"a"}, []string{"a", "b"}, false, true},
		"control":      {[]string{"a", "b"}, []string{"a", "b"}, false, false},
		"no names":     {nil, []string{"a"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPhases(t, answering(t, tc.before, tc.after), tc.terminating, tc.ready)
		})
	}
}

// Silence of all is no leaving: nobody is heard.
func TestSilenceOfAll(t *testing.T) {
	t.Parallel()
	e := answering(t, []string{"a", "b"}, nil)
	wantPhases(t, e, false, false)
}
