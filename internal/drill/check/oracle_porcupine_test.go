package check

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// oracleSeed is that of all histories.
const oracleSeed = 20

// histories is how many are compared: EVENKEEL_ORACLE, or what takes seconds.
func histories(t *testing.T) int {
	t.Helper()
	text := os.Getenv("EVENKEEL_ORACLE")
	if text == "" {
		return 4000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("EVENKEEL_ORACLE=%q, want a number of histories", text)
	}
	return n
}

// numbered is the i-th history: one in five is left as it was authored.
func numbered(i int) []history.Op {
	rng := rand.New(rand.NewPCG(oracleSeed, uint64(i)))
	ops := authored(rng)
	if i%5 > 0 {
		ops = spoil(rng, ops)
	}
	return ops
}

// The checker says of a history what Porcupine says of it.
func TestPorcupineAgrees(t *testing.T) {
	n := histories(t)
	began := time.Now()
	var legal, illegal, taken, order, phantom atomic.Int64
	bad := compare(n, askChecker, func(i int, a answers) string {
		if a.illegal() {
			illegal.Add(1)
		} else {
			legal.Add(1)
		}
		for _, c := range []struct {
			count *atomic.Int64
			yes   bool
		}{{&taken, a.Taken}, {&order, a.Order}, {&phantom, a.Phantom}} {
			if c.yes {
				c.count.Add(1)
			}
		}
		if i%5 == 0 && (a.illegal() || a.Taken || a.Order || a.Phantom) {
			return fmt.Sprintf("a service that keeps its promises is taken for a broken one: %+v", a)
		}
		return ""
	})
	for _, d := range bad[:min(len(bad), 3)] {
		t.Error(d.shrunk(askChecker))
	}
	t.Logf("%d histories in %v: %d agree, %d do not; %d legal, %d illegal", n, time.Since(began).Round(time.Second/10), n-len(bad), len(bad), legal.Load(), illegal.Load())
	t.Logf("illegal by the exact models alone: %d a number that nobody took, %d the order of writes, %d a token that nobody wrote",
		taken.Load(), order.Load(), phantom.Load())
	if 3*illegal.Load() < int64(n) || 3*legal.Load() < int64(n) {
		t.Errorf("of %d histories %d are legal and %d illegal, want a third of each", n, legal.Load(), illegal.Load())
	}
}

// disagreement is a history of which something is not as it should be.
type disagreement struct {
	i   int
	ops []history.Op
	why string
}

// compare puts the first n histories to both. also may find more.
func compare(n int, check func([]history.Op) answers, also func(int, answers) string) (bad []disagreement) {
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				ops := numbered(i)
				why := also(i, askPorcupine(ops))
				if why == "" {
					why = differ(ops, check)
				}
				if why != "" {
					mu.Lock()
					bad = append(bad, disagreement{i, ops, why})
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	slices.SortFunc(bad, func(a, b disagreement) int { return a.i - b.i })
	return bad
}

// shrunk is the smallest part of the history on which the two still disagree,
// in words.
func (d disagreement) shrunk(check func([]history.Op) answers) string {
	ops := shrink(d.ops, func(ops []history.Op) bool { return differ(ops, check) != "" })
	why := d.why
	if smaller := differ(ops, check); smaller != "" {
		why = smaller
	}
	var b strings.Builder
	fmt.Fprintf(&b, "history %d: %s\n", d.i, why)
	for _, op := range ops {
		b.WriteString(line(op))
	}
	return b.String()
}

// shrink leaves out operations and shown tokens while the rest is still wanted.
func shrink(ops []history.Op, wanted func([]history.Op) bool) []history.Op {
	if !wanted(ops) {
		return ops
	}
	for again := true; again; {
		again = false
		for i := range slices.Backward(ops) {
			if less := slices.Delete(slices.Clone(ops), i, i+1); wanted(less) {
				ops, again = less, true
			}
		}
		for i := range ops {
			if ops[i].Seen == nil {
				continue
			}
			for k := range slices.Backward(ops[i].Seen.Tokens) {
				less, seen := slices.Clone(ops), *ops[i].Seen
				seen.Tokens = slices.Delete(slices.Clone(seen.Tokens), k, k+1)
				if less[i].Seen = &seen; wanted(less) {
					ops, again = less, true
				}
			}
		}
	}
	return ops
}

func line(op history.Op) string {
	s := fmt.Sprintf("  epoch %d [%3d, %3d] kind %d outcome %d %s", op.Epoch, op.Call/time.Millisecond, op.Return/time.Millisecond, op.Kind, op.Outcome, op.Token)
	if op.Settle {
		s += " settle"
	}
	if op.Anonymous {
		s += " anonymous"
	}
	if op.Seen != nil {
		s += fmt.Sprintf(" n=%d %v", op.Seen.N, op.Seen.Tokens)
	}
	return s + "\n"
}

// Checkers with one thing wrong each: every one must be found out, and the
// history that shows it be small.
func TestPorcupineFindsBrokenCheckers(t *testing.T) {
	each := func(change func(*history.Op)) func([]history.Op) answers {
		return func(ops []history.Op) answers {
			ops = slices.Clone(ops)
			for i := range ops {
				if ops[i].Seen != nil {
					seen := *ops[i].Seen
					ops[i].Seen = &seen
				}
				change(&ops[i])
			}
			return askChecker(ops)
		}
	}
	for name, broken := range map[string]func([]history.Op) answers{
		"takes no answer for an acknowledgement": each(func(op *history.Op) {
			if op.Outcome == history.Unknown && op.Kind == history.Append {
				op.Outcome = history.OK
			}
		}),
		"takes no answer for a refusal": each(func(op *history.Op) {
			if op.Outcome == history.Unknown {
				op.Outcome = history.Failed
			}
		}),
		"takes overlapping operations for ordered ones": each(func(op *history.Op) { op.Call = op.Return }),
		"takes what is close for overlapping":           each(func(op *history.Op) { op.Call = max(0, op.Call-4*time.Millisecond) }),
		"knows no settle reads":                         each(func(op *history.Op) { op.Settle = false }),
		"knows nothing else": each(func(op *history.Op) {
			op.Settle = op.Kind == history.State
		}),
		"overlooks a second copy": each(func(op *history.Op) {
			if op.Seen != nil {
				op.Seen.Tokens = slices.Compact(slices.Sorted(slices.Values(op.Seen.Tokens)))
			}
		}),
		"forgives one lost increment": each(func(op *history.Op) {
			if op.Settle && op.Seen != nil {
				op.Seen.N++
			}
		}),
		"takes every replay for anonymous": each(func(op *history.Op) {
			if op.Kind == history.Replay {
				op.Outcome, op.Anonymous, op.Seen = history.Failed, true, nil
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			var bad []disagreement
			for n := 50; n <= 1600 && len(bad) == 0; n *= 2 {
				bad = compare(n, broken, func(int, answers) string { return "" })
			}
			if len(bad) == 0 {
				t.Fatal("not found out")
			}
			small := shrink(bad[0].ops, func(ops []history.Op) bool { return differ(ops, broken) != "" })
			if len(small) > 8 {
				t.Errorf("%d operations left of %d", len(small), len(bad[0].ops))
			}
		})
	}
}
