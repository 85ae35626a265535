package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// The oracle judges a whole history at once, by the definitions, in quadratic
// time and with everything in memory. It knows G2, G3, G4, G5, G9 and G12.
type oracle struct {
	rows [last + 1]oracleRow
}

type oracleRow struct{ exposed, bad, lost, rollback, stale int }

func (r *oracleRow) add(grade Grade) {
	r.bad++
	switch grade {
	case Lost:
		r.lost++
	case Rollback:
		r.rollback++
	case Stale:
		r.stale++
	case NoGrade:
	}
}

// judgeAll judges histories in the order of observation.
func judgeAll(ops []history.Op) *oracle {
	o := &oracle{}
	type session struct{ user, epoch int }
	var order []session
	of := map[session][]history.Op{}
	for _, op := range ops {
		if foreignAnswer(op) {
			if op.Kind != history.Incr {
				continue
			}
			op.Outcome, op.Seen = history.Unknown, nil
		}
		key := session{op.User, op.Epoch}
		if of[key] == nil {
			order = append(order, key)
		}
		of[key] = append(of[key], op)
	}
	carried := map[int]int64{} // by user: what an epoch without a logout leaves
	slices.SortStableFunc(order, func(a, b session) int { return a.epoch - b.epoch })
	for _, key := range order {
		end := logoutReturn(of[key])
		o.replays(of[key], end)
		before := slices.DeleteFunc(slices.Clone(of[key]), func(op history.Op) bool { return end < op.Call })
		o.tokens(before)
		carried[key.user] = o.counter(before, carried[key.user])
		if end != never {
			carried[key.user] = 0
		}
	}
	return o
}

func foreignAnswer(op history.Op) bool {
	if op.Seen == nil {
		return false
	}
	if op.Seen.User != "" && op.Seen.User != history.UserName(op.User) {
		return true
	}
	return slices.ContainsFunc(op.Seen.Tokens, func(t string) bool {
		user, ok := history.TokenUser(t)
		return ok && user != op.User
	})
}

func logoutReturn(ops []history.Op) time.Duration {
	end := never
	for _, op := range ops {
		if op.Kind == history.Logout && op.Outcome == history.OK {
			end = min(end, op.Return)
		}
	}
	return end
}

func (o *oracle) replays(ops []history.Op, end time.Duration) {
	replayed, undone := false, false
	for _, op := range ops {
		answered := op.Anonymous || op.Outcome == history.OK && op.Seen != nil
		if (op.Kind == history.Replay || op.Kind == history.State && op.Outcome == history.OK) && end < op.Call && answered {
			replayed = true
			undone = undone || !op.Anonymous && op.Seen.User != ""
		}
	}
	if replayed {
		o.rows[G9].exposed++
	}
	if undone {
		o.rows[G9].add(NoGrade)
	}
}

func (o *oracle) tokens(ops []history.Op) {
	acked := map[string]time.Duration{}
	var names []string
	var reads []history.Op
	for _, op := range ops {
		switch {
		case op.Kind == history.Append && op.Outcome == history.OK:
			acked[op.Token] = op.Return
			names = append(names, op.Token)
		case op.Kind == history.State && op.Outcome == history.OK && op.Seen != nil:
			reads = append(reads, op)
			names = append(names, op.Seen.Tokens...)
		}
	}
	rank := map[string]int{}
	for _, name := range names {
		if _, ok := rank[name]; !ok {
			rank[name] = len(rank)
		}
	}
	chained := unchained(reads, acked, rank)
	for name := range rank {
		ack, ok := acked[name]
		if !ok {
			ack = never
		}
		o.token(name, ack, reads, chained)
	}
}

// required: the token was acknowledged or seen before the read was called.
func required(name string, ack time.Duration, r history.Op, reads []history.Op) (acked, seen bool) {
	for _, other := range reads {
		seen = seen || other.Return < r.Call && shows(other, name)
	}
	return ack < r.Call, seen
}

func shows(r history.Op, name string) bool { return slices.Contains(r.Seen.Tokens, name) }

// lack is a token that a read, by its place, lacks although an overlapping read
// shows it and lacks another.
type lack struct {
	read int
	name string
}

// unchained compares the reads that lack nothing required.
func unchained(reads []history.Op, acked map[string]time.Duration, rank map[string]int) map[lack]bool {
	lacks := map[lack]bool{}
	var good []history.Op
	for i, r := range reads {
		if incomplete(r, reads[:i+1], acked) {
			continue
		}
		fine := true
		for j := len(good) - 1; j >= 0 && fine; j-- {
			other := good[j]
			if other.Return < r.Call || r.Return < other.Call {
				continue
			}
			missing := first(other, r, rank)
			if missing != "" && first(r, other, rank) != "" {
				lacks[lack{i, missing}] = true
				fine = false
			}
		}
		if fine {
			good = append(good, r)
		}
	}
	return lacks
}

func incomplete(r history.Op, reads []history.Op, acked map[string]time.Duration) bool {
	for name, ack := range acked {
		if ack < r.Call && !shows(r, name) {
			return true
		}
	}
	for _, other := range reads {
		if other.Return < r.Call && first(other, r, nil) != "" {
			return true
		}
	}
	return false
}

// first is a token that a shows and b lacks, the one known first if there are
// several.
func first(a, b history.Op, rank map[string]int) (best string) {
	for _, name := range a.Seen.Tokens {
		if !shows(b, name) && (best == "" || rank[name] < rank[best]) {
			best = name
		}
	}
	return best
}

func (o *oracle) token(name string, ack time.Duration, reads []history.Op, chained map[lack]bool) {
	var exposed [last + 1]bool
	var missed, missedSeen, gone, owed, seen, twice bool
	for i, r := range reads {
		byAck, bySeen := required(name, ack, r, reads)
		chain := chained[lack{i, name}]
		exposed[G3] = exposed[G3] || byAck
		exposed[G4] = exposed[G4] || byAck && r.Settle
		exposed[G2] = exposed[G2] || bySeen || chain
		if shows(r, name) {
			seen, gone, owed, exposed[G12] = true, false, false, true
			once := slices.Index(r.Seen.Tokens, name)
			twice = twice || slices.Contains(r.Seen.Tokens[once+1:], name)
			continue
		}
		if byAck || bySeen || chain {
			if !missed {
				missed, missedSeen = true, bySeen || chain
			}
			gone = gone || r.Settle && (byAck || bySeen)
			owed = owed || r.Settle && byAck
		}
	}
	for id, yes := range exposed {
		if yes {
			o.rows[id].exposed++
		}
	}
	if twice {
		o.rows[G12].add(NoGrade)
	}
	switch {
	case !missed:
	case owed && !seen:
		o.rows[G4].add(Lost)
	case owed:
		o.rows[G4].add(Rollback)
	case gone:
		o.rows[G2].add(Rollback)
	case missedSeen:
		o.rows[G2].add(Stale)
	default:
		o.rows[G3].add(Stale)
	}
}

// counter judges the tickets of an epoch, and its settle reads by what was
// observed before them, and returns the highest count it may have come to.
func (o *oracle) counter(ops []history.Op, carried int64) int64 {
	attempts, bad := carried, false
	for i, op := range ops {
		switch {
		case op.Kind == history.Incr && op.Outcome != history.Failed:
			attempts++
			if op.Outcome != history.OK {
				continue
			}
			o.rows[G5].exposed++
			if op.Seen.N < 1 || slices.ContainsFunc(ops[:i], func(s history.Op) bool { return contradicts(s, op) }) {
				bad = true
				o.rows[G5].add(Lost)
			}
		case op.Kind == history.State && op.Outcome == history.OK && op.Settle && attempts > carried:
			o.rows[G5].exposed++
			done := max(ticketsBefore(ops[:i], op.Call), countedBefore(ops[:i], op.Call))
			switch {
			case bad:
			case op.Seen.N < done:
				bad = true
				o.rows[G5].add(Lost)
			case op.Seen.N > attempts:
				bad = true
				o.rows[G5].add(NoGrade)
			}
		}
	}
	return attempts
}

// contradicts: two tickets that no counter can have given, or a ticket that a
// settle read had counted.
func contradicts(s, t history.Op) bool {
	if s.Kind == history.State && s.Outcome == history.OK && s.Settle {
		return s.Return < t.Call && t.Seen.N <= s.Seen.N
	}
	if s.Kind != history.Incr || s.Outcome != history.OK {
		return false
	}
	return s.Seen.N == t.Seen.N || s.Return < t.Call && s.Seen.N > t.Seen.N || t.Return < s.Call && t.Seen.N > s.Seen.N
}

func ticketsBefore(ops []history.Op, call time.Duration) (n int64) {
	for _, op := range ops {
		if op.Kind == history.Incr && op.Outcome == history.OK && op.Return < call {
			n++
		}
	}
	return n
}

// countedBefore is the highest ticket or final count that had returned.
func countedBefore(ops []history.Op, call time.Duration) (n int64) {
	for _, op := range ops {
		if op.Outcome == history.OK && op.Return < call && (op.Kind == history.Incr || op.Kind == history.State && op.Settle) {
			n = max(n, op.Seen.N)
		}
	}
	return n
}

func TestIncrementalAgreesWithOracle(t *testing.T) {
	for _, f := range []fault{healthy, flaky, blob, blobRevives, memory, staleReplica, saveAfterReply, failover,
		deleteThenCreate, sameID, logoutIgnored, leak, doubleApply, noDrain} {
		t.Run(string(f), func(t *testing.T) {
			for seed := range uint64(6) {
				s, o := simulate(f, 100+seed, 8, time.Second)
				want := judgeAll(s.ops)
				for _, id := range []ID{G2, G3, G4, G5, G9, G12} {
					g := o.Guarantee(id)
					got := oracleRow{g.Exposed, g.Bad, g.Lost, g.Rollback, g.Stale}
					if got != want.rows[id] {
						t.Errorf("seed %d: %v: incremental %+v, oracle %+v", 100+seed, id, got, want.rows[id])
					}
				}
			}
		})
	}
}

// Histories that no service makes: anything may be acknowledged, missing, seen,
// doubled, in any overlap.
func TestArbitraryHistoriesAgreeWithOracle(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		ops := arbitrary(rng)
		c := New(Options{})
		for _, op := range ops {
			c.Observe(op)
		}
		o, want := c.Finish(), judgeAll(ops)
		for _, id := range []ID{G2, G3, G4, G5, G9, G12} {
			g := o.Guarantee(id)
			got := oracleRow{g.Exposed, g.Bad, g.Lost, g.Rollback, g.Stale}
			if got != want.rows[id] {
				t.Fatalf("seed %d: %v: incremental %+v, oracle %+v, of %+v", seed, id, got, want.rows[id], ops)
			}
			if id != G12 && g.Bad > g.Exposed {
				t.Fatalf("seed %d: %v: %d bad of %d", seed, id, g.Bad, g.Exposed)
			}
		}
		if p := c.Progress(); p.Suspect != [last + 1]int{} {
			t.Fatalf("seed %d: suspicions left after the end: %v", seed, p.Suspect)
		}
	}
}

// arbitrary makes operations of one user in one epoch, with a login before and
// in one of four a logout in between.
func arbitrary(rng *rand.Rand) []history.Op {
	ops := []history.Op{login(0, 1).finish()}
	names := []string{"a", "b", "c", "d", "e"}
	for range 4 + rng.IntN(12) {
		call := 2 + rng.IntN(40)
		ret := call + rng.IntN(15)
		var p planned
		switch rng.IntN(8) {
		case 0, 1:
			if len(names) == 0 {
				continue
			}
			p = write(names[0], call, ret)
			names = names[1:]
		case 2:
			p = incr(int64(1+rng.IntN(4)), call, ret)
		case 3:
			p = replay(call, ret)
			if rng.IntN(2) == 0 {
				p = p.opens("")
			}
		case 4:
			if rng.IntN(8) != 0 {
				continue
			}
			p = logout(call, ret)
		default:
			shown := ""
			for _, name := range []string{"a", "b", "c", "a", "d", "e"} {
				if rng.IntN(2) == 0 && (name != "a" || shown == "" || rng.IntN(4) == 0) {
					shown += name + " "
				}
			}
			p = look(call, ret, shown).count(int64(rng.IntN(5)))
			p.Settle = rng.IntN(4) == 0
		}
		if p.Kind != history.Replay && rng.IntN(5) == 0 {
			p = p.unknown()
		}
		ops = append(ops, p.finish())
	}
	slices.SortStableFunc(ops, func(a, b history.Op) int { return int(a.Return - b.Return) })
	return ops
}

// The order in which other users are observed, and from how many goroutines,
// changes nothing.
func TestConcurrentObserversAgree(t *testing.T) {
	s, want := simulate(blobRevives, 3, 16, time.Second)
	c := New(Options{RenewalGrace: simGrace})
	for _, e := range s.events {
		c.Event(e)
	}
	done := make(chan struct{})
	for id := range 16 {
		go func() {
			for _, op := range s.ops {
				if op.User == id {
					c.Observe(op)
				}
			}
			done <- struct{}{}
		}()
	}
	for range 16 {
		c.Progress()
		<-done
	}
	got := c.Finish()
	if a, b := fmt.Sprint(got.Guarantees), fmt.Sprint(want.Guarantees); a != b {
		t.Errorf("concurrent %s, want %s", a, b)
	}
	if a, b := fmt.Sprint(got.Requests), fmt.Sprint(want.Requests); a != b {
		t.Errorf("concurrent %s, want %s", a, b)
	}
	for i := range want.Violations {
		if a, b := describe(got.Violations[i]), describe(want.Violations[i]); a != b {
			t.Fatalf("violation %d: %s, want %s", i, a, b)
		}
	}
}
