package check

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// answers are what the checker and Porcupine can both say of a history.
type answers struct {
	// Tokens that are in none of G2, G3, G4 are not in Set; Torn says that
	// overlapping reads show different halves, for which one token answers.
	Set, G2, G3, G4 int
	Torn            bool
	G5, G9, G12     bool // violated
	// Exact models, which ask for more than the guarantees do.
	Phantom, Order, Taken bool
}

func (a answers) illegal() bool { return a.Set > 0 || a.Torn || a.G5 || a.G9 || a.G12 }

// askPorcupine answers by the models.
func askPorcupine(ops []history.Op) (a answers) {
	for _, c := range chapters(ops) {
		c.askSet(&a)
		c.askCounter(&a)
		a.G9 = a.G9 || !porcupine.CheckOperations(life, c.lives())
		reads := c.sets(func(op history.Op) bool { return !isRead(op) })
		a.G12 = a.G12 || !porcupine.CheckOperations(once, reads)
	}
	return a
}

// sets are the acknowledged writes and the reads, but those to leave out.
func (c *chapter) sets(without func(history.Op) bool) (all []porcupine.Operation) {
	for _, op := range c.ops {
		switch {
		case without(op):
		case isWrite(op):
			all = append(all, act(op, deed{verb: adds, set: c.bit(op.Token)}))
		case isRead(op):
			set, twice := c.set(op)
			all = append(all, act(op, deed{verb: shown, set: set, twice: twice}))
		}
	}
	return all
}

func nothing(history.Op) bool { return false }

// askSet asks for the whole set, and then names each token that is missing
// somewhere by itself.
func (c *chapter) askSet(a *answers) {
	whole := c.sets(nothing)
	legal := porcupine.CheckOperations(growing, whole)
	torn := c.torn()
	a.Torn = a.Torn || torn
	if legal && torn {
		panic("a chain that is torn was taken for legal")
	}
	for _, text := range c.tokens {
		if id := c.name(text); id != 0 {
			a.Set++
			switch id {
			case G2:
				a.G2++
			case G3:
				a.G3++
			default:
				a.G4++
			}
			if legal {
				panic("a part is illegal and the whole is legal")
			}
		}
	}
	if !legal && a.Set == 0 && !torn {
		panic("the whole is illegal and no part is")
	}
	if legal && !a.Phantom && !a.Order {
		a.Phantom = c.phantom()
		a.Order = !a.Phantom && !porcupine.CheckOperations(exactSet, append(whole, c.maybes()...))
	}
}

// maybes are the writes without an acknowledgement.
func (c *chapter) maybes() (all []porcupine.Operation) {
	for _, op := range c.ops {
		if op.Kind == history.Append && op.Outcome == history.Unknown {
			all = append(all, perhaps(op, deed{verb: adds, set: c.bit(op.Token)}))
		}
	}
	return all
}

// phantom: a token is shown that had not been asked for by then.
func (c *chapter) phantom() bool {
	for _, r := range c.ops {
		if !isRead(r) {
			continue
		}
		for _, text := range r.Seen.Tokens {
			if !slices.ContainsFunc(c.ops, func(w history.Op) bool {
				return w.Kind == history.Append && w.Token == text && w.Outcome != history.Failed && w.Call <= r.Return
			}) {
				return true
			}
		}
	}
	return false
}

// torn: two reads that overlap show what the other lacks.
func (c *chapter) torn() bool {
	for i, r := range c.ops {
		for _, other := range c.ops[:i] {
			if !isRead(r) || !isRead(other) || other.Return < r.Call || r.Return < other.Call {
				continue
			}
			x, _ := c.set(r)
			y, _ := c.set(other)
			if x&^y != 0 && y&^x != 0 {
				return true
			}
		}
	}
	return false
}

// name is the guarantee that files a token, 0 none: the gravest that Porcupine
// finds broken, and of G2 and G3 the one that the shortest illegal beginning
// breaks.
func (c *chapter) name(text string) ID {
	bit := c.bit(text)
	var all, final, seen []porcupine.Operation
	for i, op := range c.ops {
		switch {
		case isWrite(op) && op.Token == text:
			w := act(op, deed{verb: adds, set: bit})
			all, final = append(all, w), append(final, w)
		case isRead(op):
			set, _ := c.set(op)
			r := act(op, deed{verb: shown, set: set & bit})
			all = append(all, r)
			if set&bit == 0 && op.Settle && !c.comesBack(i, bit) {
				final, seen = append(final, r), append(seen, r)
			}
			if set&bit != 0 {
				seen = append(seen, r)
			}
		}
	}
	switch {
	case porcupine.CheckOperations(growing, all):
		return 0
	case !porcupine.CheckOperations(settled, final):
		return G4
	case !porcupine.CheckOperations(growing, seen):
		return G2
	}
	for n := range all {
		if start := all[:n+1]; !porcupine.CheckOperations(growing, start) {
			reads := slices.DeleteFunc(slices.Clone(start), func(o porcupine.Operation) bool { return o.Input.(deed).verb == adds })
			if !porcupine.CheckOperations(growing, reads) {
				return G2
			}
			return G3
		}
	}
	panic(fmt.Sprintf("%s is missing and never was", text))
}

// comesBack: an answer that was observed after the i-th operation shows it.
func (c *chapter) comesBack(i int, bit uint64) bool {
	return slices.ContainsFunc(c.ops[i+1:], func(op history.Op) bool {
		if !isRead(op) {
			return false
		}
		set, _ := c.set(op)
		return set&bit != 0
	})
}

// askCounter asks whether the tickets and the final counts can be one
// counter's.
func (c *chapter) askCounter(a *answers) {
	var loose, exact []porcupine.Operation
	for _, op := range c.ops {
		switch {
		case op.Kind == history.Incr && op.Outcome == history.OK:
			t := act(op, deed{verb: takes, n: op.Seen.N})
			loose, exact = append(loose, t), append(exact, t)
		case op.Kind == history.Incr && op.Outcome == history.Unknown:
			exact = append(exact, perhaps(op, deed{verb: mayTake}))
		case isRead(op) && op.Settle:
			d := deed{verb: counts, n: op.Seen.N, low: ticketsBefore(c.ops, op.Call), high: c.carried + c.attempts(op.Return)}
			if c.attempts(op.Return) == 0 {
				d.verb = finds
			}
			n := act(op, d)
			loose, exact = append(loose, n), append(exact, n)
		}
	}
	legal := porcupine.CheckOperations(tickets, loose)
	a.G5 = a.G5 || !legal
	a.Taken = a.Taken || legal && c.carried == 0 && !porcupine.CheckOperations(exactCounter, exact)
}

// lives are the logouts and what opened the session.
func (c *chapter) lives() (all []porcupine.Operation) {
	for _, op := range slices.Concat(c.ops, c.after) {
		switch {
		case op.Kind == history.Logout && op.Outcome == history.OK:
			all = append(all, act(op, deed{verb: ends}))
		case (op.Kind == history.Replay || isRead(op)) && op.Seen != nil && op.Outcome == history.OK:
			all = append(all, act(op, deed{verb: opens}))
		}
	}
	return all
}

// askChecker answers by the checker.
func askChecker(ops []history.Op) (a answers) {
	c := New(Options{Witnesses: -1})
	for _, op := range ops {
		c.Observe(op)
	}
	o := c.Finish()
	bad := func(id ID) int { return o.Guarantee(id).Bad }
	a.G2, a.G3, a.G4 = bad(G2), bad(G3), bad(G4)
	a.Set = a.G2 + a.G3 + a.G4
	a.G5, a.G9, a.G12 = bad(G5) > 0, bad(G9) > 0, bad(G12) > 0
	return a
}

// differ says in what the two disagree about a history, "" in nothing.
func differ(ops []history.Op, check func([]history.Op) answers) string {
	p, c := askPorcupine(ops), check(ops)
	sets := c.Set == p.Set && c.G2 == p.G2 && c.G3 == p.G3
	if p.Torn { // the token that answers for a torn chain may be one more
		sets = c.Set > 0 && c.Set >= p.Set
	}
	switch {
	case !sets || c.G4 != p.G4:
		return fmt.Sprintf("G2, G3, G4: Porcupine finds %d, %d, %d, the checker %d, %d, %d", p.G2, p.G3, p.G4, c.G2, c.G3, c.G4)
	case c.G5 != p.G5:
		return fmt.Sprintf("G5: violated for Porcupine %v, for the checker %v", p.G5, c.G5)
	case c.G9 != p.G9:
		return fmt.Sprintf("G9: violated for Porcupine %v, for the checker %v", p.G9, c.G9)
	case c.G12 != p.G12:
		return fmt.Sprintf("G12: violated for Porcupine %v, for the checker %v", p.G12, c.G12)
	}
	return ""
}
