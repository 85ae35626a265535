package near

import (
	"slices"
	"time"
)

// scenario is what happens in some order.
type scenario struct {
	name   string
	copied bool // there is a copy at the beginning, which first has brought
	first  kind
	calls  []kind
	writes int  // by the other instance; its browser sees them at once
	ticks  int  // of modelStep
	cut    bool // the tracked connection is lost once
	cold   bool // nothing is served before the end
	noTail bool // fault of the server's scripts
}

// step is one thing that may happen next.
type step struct {
	name string
	do   func()
}

// steps lists what may happen next, always in the same order.
func (w *world) steps() []step {
	var list []step
	may := func(ok bool, name string, do func()) {
		if ok {
			list = append(list, step{name, do})
		}
	}
	for i, c := range w.calls {
		w.stepsOf(i, c, may)
	}
	for _, on := range []*wire{w.wires[Tracked], w.wires[Plain], w.orphan} {
		if on == nil {
			continue
		}
		may(len(on.up) > 0, "execute", func() { w.execute(on) })
		may(len(on.down) > 0, "receive", func() { w.receive(on) })
	}
	may(w.writes > 0, "other instance writes", func() {
		w.writes--
		w.server.write(nil)
		w.floor = max(w.floor, w.server.version)
	})
	may(w.ticks > 0, "time passes", func() {
		w.ticks--
		time.Sleep(modelStep)
	})
	may(w.sc.cut && !w.cut, "cut", w.sever)
	may(w.cut && !w.flushed, "flush", func() {
		w.flushed = true
		w.subject.flush()
	})
	return list
}

var kindNames = []string{"fill", "plain fill", "commit", "plain write", "lost commit", "check", "touch", "ping"}

func (w *world) stepsOf(i int, c *call, may func(bool, string, func())) {
	name := kindNames[c.kind]
	connected := !w.cut || w.flushed // before that there is nothing to send over
	may(c.stage == unsent && connected && w.isNext(i), "send "+name, func() { w.send(c) })
	may(c.stage == answered, "handle "+name, func() { w.handle(c) })
	alone := c.kind == lostCommit || c.wire != nil && c.wire.dead
	may(c.stage == sent && alone, "give up "+name, func() { w.abandon(c) })
}

// isNext keeps calls that are alike in their order: the others would only
// repeat it under other names. Of pings there is one at a time.
func (w *world) isNext(i int) bool {
	return !slices.ContainsFunc(w.calls[:i], func(c *call) bool {
		return c.kind == w.calls[i].kind && (c.stage == unsent || c.kind == ping && c.stage != done)
	})
}

// outcome of all orders of a scenario.
type outcome struct {
	runs, hits int
	warm       int      // runs after which the first copy or write-through still answers
	bad        string   // the first violation
	trace      []string // and how it came about
}

// explore tries all orders until one is a violation.
func explore(sc scenario, plant func(*Cache) subject) outcome {
	var out outcome
	var path, width []int // what was picked at each step, and of how many
	for {
		depth := 0
		out.run(sc, plant, func(n int) int {
			if depth == len(path) {
				path, width = append(path, 0), append(width, 0)
			}
			width[depth] = n
			depth++
			return path[depth-1]
		})
		for len(path) > 0 && path[len(path)-1]+1 == width[len(path)-1] {
			path, width = path[:len(path)-1], width[:len(width)-1]
		}
		if len(path) == 0 || out.bad != "" {
			return out
		}
		path[len(path)-1]++
	}
}

// run is one order, in which pick says which of n possible steps is next.
func (out *outcome) run(sc scenario, plant func(*Cache) subject, pick func(n int) int) {
	w, trace := newWorld(sc, plant), []string(nil)
	w.look()
	for list := w.steps(); len(list) > 0 && w.bad == ""; list = w.steps() {
		next := list[pick(len(list))]
		trace = append(trace, next.name)
		next.do()
		w.look()
	}
	w.settle(out)
	out.runs++
	out.hits += w.hits
	out.bad, out.trace = w.bad, trace
}

// settle is the end of a run: long after, and after a ping that was sent then,
// a copy that is served is the record; and one that is read then is served.
func (w *world) settle(out *outcome) {
	if w.bad != "" {
		return
	}
	time.Sleep(2 * DefaultLease)
	w.whole(ping)
	before := w.hits
	w.look()
	if w.hits > before {
		out.warm++
	}
	w.whole(fill)
	before = w.hits
	if w.look(); w.hits != before+2 && w.bad == "" {
		w.fail("what was read undisturbed is not served")
	}
}
