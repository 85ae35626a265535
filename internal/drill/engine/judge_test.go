package engine

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// judged drives a load against h in fake time and has it judged.
func judged(t *testing.T, h http.Handler, opt Options, rules check.Options) (check.Outcome, *sink) {
	t.Helper()
	opt.Client.Dial = servePipes(t, h).dial
	opt.Targets = []string{"http://drilled"}
	return judge(t, opt, rules)
}

// judge drives a load and has it judged.
func judge(t *testing.T, opt Options, rules check.Options) (check.Outcome, *sink) {
	t.Helper()
	if opt.Dialect == nil {
		opt.Dialect = Probe{Secret: secret}
	}
	opt.Expiry.Idle, opt.Expiry.Absolute = rules.IdleTimeout, rules.AbsoluteTimeout
	var s sink
	c := check.New(rules)
	l, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context(), both(s.observe, c.Observe)); err != nil {
		t.Fatal(err)
	}
	if n := l.Stats().Streams; n != 0 {
		t.Errorf("%d streams are open after the end", n)
	}
	for _, w := range l.Health().Windows {
		c.Window(check.Window{From: w.From, To: w.To})
	}
	return c.Finish(), &s
}

func both[T any](f, g func(T)) func(T) { return func(v T) { f(v); g(v) } }

// wantBad: the guarantees are violated, and no other.
func wantBad(t *testing.T, o check.Outcome, want ...check.ID) {
	t.Helper()
	bad := map[check.ID]int{}
	for _, g := range o.Guarantees {
		if g.Status == check.Fail {
			bad[g.ID] = g.Bad
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(bad)), want) {
		t.Errorf("found %v, want %v", bad, want)
		shown := 0
		for _, v := range o.Violations {
			if shown < 5 && !slices.Contains(want, v.Guarantee) {
				shown++
				t.Logf("%v %s at %v: %s\n%+v", v.Guarantee, v.Grade, v.At, v.Detail, v.Witness)
			}
		}
	}
}
