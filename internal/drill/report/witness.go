package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

const (
	maxShown   = 8       // operations of a witness that the page shows, if it is not minimal
	maxMinimal = 32      // and if it is
	maxScript  = 8 << 10 // bytes of a replay that the page shows
)

// witness is one violation, shown by the operations of its user.
type witness struct {
	ID, Name string
	Expected string
	Happened string
	Where    string // when, in which event, on which instance
	Picture  *drawing
	Steps    []step
	Omitted  string
	Minimal  bool
	Replay   string // a shell script
}

// step is one operation in words.
type step struct {
	N        int
	At       string
	Did, Got string
	Instance string
	Note     string // what is wrong
}

// witnesses are one for each guarantee that failed: the gravest, and of these
// the one with the fewest operations.
func witnesses(r Result) (all []witness) {
	for _, g := range r.Outcome.Guarantees {
		if g.Status != check.Fail {
			continue
		}
		i := telling(r.Outcome.Violations, g.ID)
		if i < 0 {
			all = append(all, witness{ID: g.ID.String(), Name: wordOf[g.ID].promise, Expected: wordOf[g.ID].expected,
				Happened: harmed(g.ID, g.Bad) + "; none was kept as an example."})
			continue
		}
		all = append(all, newWitness(r.Outcome.Violations[i], r))
	}
	return all
}

// Examples are the indexes of the violations that the page shows, one for each
// guarantee that failed and has any.
func Examples(o check.Outcome) (all []int) {
	for _, g := range o.Guarantees {
		if i := telling(o.Violations, g.ID); g.Status == check.Fail && i >= 0 {
			all = append(all, i)
		}
	}
	return all
}

// telling is the index of the violation that explains a guarantee best; -1 if
// there is none.
func telling(all []check.Violation, id check.ID) int {
	grade := map[check.Grade]int{check.Lost: 0, check.Rollback: 1, check.Stale: 2, check.NoGrade: 3}
	order := func(a, b *check.Violation) int {
		return cmp.Or(-cmp.Compare(quality(*a), quality(*b)), cmp.Compare(grade[a.Grade], grade[b.Grade]),
			-cmp.Compare(min(a.Event, 1), min(b.Event, 1)), -cmp.Compare(moved(*a), moved(*b)),
			cmp.Compare(len(a.Witness), len(b.Witness)), cmp.Compare(a.At, b.At))
	}
	best := -1
	for i := range all {
		if v := &all[i]; v.Guarantee == id && !v.Unattributed && (best < 0 || order(v, &all[best]) < 0) {
			best = i
		}
	}
	return best
}

// quality of a violation's witness: 3 if nothing can be left out of it, 2 if it shows the very operation at which
// the bracket ends, 1 if there is any, 0 if there is none.
func quality(v check.Violation) int {
	if v.Minimal {
		return 3
	}
	if slices.ContainsFunc(v.Witness, func(s check.Step) bool { return s.Note != "" && s.Return == v.At }) {
		return 2
	}
	return min(len(v.Witness), 1)
}

// moved is 1 if the operation that went wrong was answered by another instance
// than the one before.
func moved(v check.Violation) int {
	for i, s := range v.Witness {
		if s.Note != "" && i > 0 && v.Witness[i-1].Instance != s.Instance {
			return 1
		}
	}
	return 0
}

func newWitness(v check.Violation, r Result) witness {
	w := witness{
		ID: v.Guarantee.String(), Name: wordOf[v.Guarantee].promise, Expected: wordOf[v.Guarantee].expected,
		Happened: sentence(v.Detail, maxSaid), Where: where(v, r.Outcome.Events),
		Minimal: v.Minimal,
	}
	steps := essential(v)
	if script := replay(v, r); len(script) <= maxScript {
		w.Replay = script
	}
	if left := len(v.Witness) - len(steps); left > 0 {
		w.Omitted = plural(left, "other operation of this user is", "other operations of this user are") + " left out."
	}
	for i, s := range steps {
		w.Steps = append(w.Steps, newStep(i+1, s))
	}
	if len(steps) > 0 {
		w.Picture = newLanes(steps, v, r.Outcome.Events)
	}
	return w
}

// sentence is a text of at most n characters with its full stop.
func sentence(s string, n int) string {
	s = strings.TrimRight(clip(s, n), ". ")
	if s == "" {
		return ""
	}
	return s + "."
}

// where is the bracket of a violation, its event and its instance.
func where(v check.Violation, events []check.Event) string {
	s := fmt.Sprintf("Between %s and %s", precise(v.LastGood), precise(v.At))
	if precise(v.LastGood) == precise(v.At) {
		s = "At " + precise(v.At)
	}
	switch e, ok := eventOf(v, events); {
	case ok:
		s += ", in event " + eventName(e)
	case v.Event != 0:
		s += fmt.Sprintf(", in event %d", v.Event)
	default:
		s += ", outside of events"
	}
	if v.Instance != "" {
		s += ", on " + clip(v.Instance, 40)
	}
	return s + "."
}

func eventOf(v check.Violation, events []check.Event) (check.Event, bool) {
	i := slices.IndexFunc(events, func(e check.Event) bool { return e.ID == v.Event })
	if i < 0 {
		return check.Event{}, false
	}
	return events[i], true
}

// eventName is an event in three words: 2 (kill shop-3).
func eventName(e check.Event) string {
	return fmt.Sprintf("%d (%s)", e.ID, clip(strings.TrimSpace(e.Kind+" "+e.Target), 40))
}

// precise is a moment to the millisecond.
func precise(t time.Duration) string {
	return strconv.FormatFloat(t.Seconds(), 'f', 3, 64) + " s"
}

// essential are the operations without which the violation is not understood:
// the one that shows it, the sign-in, the write that it is about, the last good
// one, renewals and logouts, what overlapped; then the latest before it. In
// order of their calls.
func essential(v check.Violation) []check.Step {
	if v.Minimal && len(v.Witness) <= maxMinimal {
		return v.Witness
	}
	var wrong *check.Step
	for i := range v.Witness {
		if v.Witness[i].Note != "" {
			wrong = &v.Witness[i]
		}
	}
	taken := make([]bool, len(v.Witness))
	var picked []check.Step
	for _, wanted := range []func(*check.Step) bool{
		func(s *check.Step) bool { return s == wrong },
		func(s *check.Step) bool { return s.Token != "" && strings.Contains(v.Detail, s.Token) },
		func(s *check.Step) bool { return s.Return == v.LastGood },
		func(s *check.Step) bool { return s.Kind == history.Login || s.Kind == history.Logout },
		func(s *check.Step) bool {
			return wrong != nil && s.Kind == history.Rotate && s.Call <= wrong.Return && s.Return >= wrong.Call
		},
		func(s *check.Step) bool { return s.Anonymous || s.Outcome != history.OK },
		func(s *check.Step) bool { return wrong != nil && s.Kind == history.Incr && wrong.Kind == history.Incr },
		func(*check.Step) bool { return len(picked) < 4 },
	} {
		for i := len(v.Witness) - 1; i >= 0; i-- {
			if s := &v.Witness[i]; !taken[i] && len(picked) < maxShown && wanted(s) {
				taken[i] = true
				picked = append(picked, *s)
			}
		}
	}
	slices.SortStableFunc(picked, func(a, b check.Step) int { return cmp.Compare(a.Call, b.Call) })
	return picked
}

// did says what a user did.
var did = map[history.Kind]string{
	history.Login: "signed in", history.Append: "wrote", history.State: "read", history.Incr: "counted up",
	history.Rotate: "renewed the session ID", history.Logout: "signed out",
	history.Replay: "tried the old cookie", history.Slow: "made a slow request",
	history.Stream: "followed a stream",
}

func newStep(n int, s check.Step) step {
	out := step{N: n, At: precise(s.Call), Did: did[s.Kind], Instance: clip(s.Instance, 40), Note: clip(s.Note, 80)}
	if out.Did == "" {
		out.Did = s.Kind.String()
	}
	if s.Token != "" {
		out.Did += " " + clip(s.Token, 60)
	}
	if s.Settle {
		out.Did += " when all was quiet"
	}
	out.Got = got(s)
	if took := s.Return - s.Call; took >= 0 {
		out.Got += ", after " + strconv.FormatFloat(float64(took.Microseconds())/1000, 'f', 1, 64) + " ms"
	}
	return out
}

// got says what the user was answered.
func got(s check.Step) string {
	switch {
	case s.Anonymous:
		return fmt.Sprintf("not signed in (%d)", s.Status)
	case s.Status == 0:
		return "no answer"
	case s.Outcome != history.OK:
		return fmt.Sprintf("failed (%d)", s.Status)
	}
	out := fmt.Sprintf("ok (%d)", s.Status)
	if s.Tokens >= 0 {
		out += ", " + plural(s.Tokens, "write", "writes") + " shown"
	}
	if s.Kind == history.Incr {
		out += fmt.Sprintf(", number %d", s.N)
	} else if s.N != 0 {
		out += fmt.Sprintf(", counter %d", s.N)
	}
	return out
}
