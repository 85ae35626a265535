package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Hints are what the violations point at, in plain words, the most harmful
// first. They are likely causes, not proofs. Of causes that exclude one another
// one is named; a pattern that another one explains has no hint of its own.
func Hints(r Result) []string {
	h := &hinter{o: r.Outcome, of: map[check.ID][]check.Violation{}, events: map[int]check.Event{}}
	for _, v := range r.Outcome.Violations {
		if !v.Unattributed {
			h.of[v.Guarantee] = append(h.of[v.Guarantee], v)
		}
	}
	for _, e := range r.Outcome.Events {
		h.events[e.ID] = e
	}
	return slices.Concat(h.leaks(), h.sessions(), h.updates(), h.requests(), h.logouts(), h.renewals(), h.stale(), h.doubles(), h.expiries(), h.streams(), h.late())
}

type hinter struct {
	o      check.Outcome
	of     map[check.ID][]check.Violation
	events map[int]check.Event
}

// leaks go by what the answers said of a cache, where that was recorded.
func (h *hinter) leaks() []string {
	if len(h.of[check.G6]) == 0 {
		return nil
	}
	recorded, said := false, ""
	for _, v := range h.of[check.G6] {
		for _, s := range v.Witness {
			if s.Note != "" && s.Redo != nil {
				recorded, said = true, cmp.Or(said, s.Redo.Cache)
			}
		}
	}
	const remedy = " Answers to a session need Cache-Control: no-store or private."
	switch {
	case said != "":
		return []string{"Users were shown what belongs to others by a cache (" + clip(said, 60) + ")." + remedy}
	case recorded:
		return []string{"Users were shown what belongs to others, and no answer says that a cache gave it: session state is shared between requests, as in a global or a pooled object. A cache that adds neither Age nor X-Cache is possible too." + remedy}
	}
	return []string{"Users were shown what belongs to others: a cache answers in the service's place (look for Age or X-Cache in the answers), or session state is shared between requests." + remedy}
}

// sessions tells the sessions of one instance from those of all, and those that
// no event took. Losses outside of events explain those in events as well, and
// losses of one instance those of all.
func (h *hinter) sessions() []string {
	lost := map[int]map[string]int{} // by event and instance
	for _, v := range h.of[check.G1] {
		if lost[v.Event] == nil {
			lost[v.Event] = map[string]int{}
		}
		lost[v.Event][v.Instance]++
	}
	if 10*total(lost[0]) > len(h.of[check.G1]) {
		return []string{"Sessions were lost when nothing was being scaled: sessions are kept in the process and the balancer sends a user to several, or the store evicts them."}
	}
	var one, all, some int // the first event of each pattern
	more := -1             // events of the first pattern besides it
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		switch {
		case id == 0:
		case h.ofOne(id, lost[id]):
			one = cmp.Or(one, id)
			more++
		case h.events[id].Crossings > 0 && 10*total(lost[id]) >= 9*h.events[id].Crossings:
			all = cmp.Or(all, id)
		default:
			some = cmp.Or(some, id)
		}
	}
	switch {
	case one != 0:
		also := ""
		if more > 0 {
			also = ", and so with " + plural(more, "more event", "more events")
		}
		return []string{fmt.Sprintf("The sessions that event %d took were on one instance (%s)%s: sessions are kept in the process and end with it. Keep them outside the instance.", one, clip(h.lostOn(lost[one]), 40), also)}
	case all != 0:
		return []string{fmt.Sprintf("Event %d took nearly all sessions: every instance went and took its sessions along, the store was lost, or the key that seals the cookies changed.", all)}
	case some != 0 && !slices.ContainsFunc(h.of[check.G4], func(v check.Violation) bool { return v.Event == some }):
		return []string{fmt.Sprintf("Event %d took sessions of several instances: requests reached instances that do not have the session. Keep sessions outside the instance.", some)}
	case some != 0:
		return []string{fmt.Sprintf("Event %d took some sessions of several instances, and acknowledged updates with them: the store went back to an older state.", some)}
	}
	return nil
}

// ofOne: all, or nearly all and by the event's target.
func (h *hinter) ofOne(event int, lost map[string]int) bool {
	target := h.events[event].Target
	return len(lost) == 1 && lost[""] == 0 || target != "" && 10*lost[target] >= 9*total(lost)
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func (h *hinter) lostOn(instances map[string]int) (most string) {
	for _, name := range slices.Sorted(maps.Keys(instances)) {
		if most == "" || instances[name] > instances[most] {
			most = name
		}
	}
	return most
}

// updates: losses outside of events are races, losses in events only are
// acknowledged too early.
func (h *hinter) updates() []string {
	switch {
	case len(h.of[check.G4])+len(h.of[check.G5]) == 0:
		return nil
	case h.races():
		return []string{"Acknowledged updates were lost when nothing was being scaled: of two requests at once the last writer wins. The session is loaded, changed and saved as a whole; write attributes one by one, or refuse a save over a newer version."}
	}
	return []string{"Acknowledged updates were lost in events only: they are acknowledged before they are stored where they survive (saved after the answer, kept in the process, or on a replica that had not got them)."}
}

func (h *hinter) races() bool {
	outside := func(v check.Violation) bool { return v.Event == 0 }
	return slices.ContainsFunc(h.of[check.G4], outside) || slices.ContainsFunc(h.of[check.G5], outside)
}

// requests tells refusals by an instance on its way out from other failures.
func (h *hinter) requests() []string {
	failures := h.of[check.G10]
	if len(failures) == 0 {
		return nil
	}
	leaving := slices.ContainsFunc(failures, func(v check.Violation) bool {
		e := h.events[v.Event]
		return v.Event != 0 && e.Terminating >= 0 && v.At >= e.Terminating && len(e.Killed) == 0
	})
	atEvents := slices.ContainsFunc(failures, func(v check.Violation) bool { return v.Event != 0 })
	switch {
	case leaving:
		return []string{"Requests failed after an instance had been told to stop: the balancer still sent to it, or it did not finish what it had. Fail readiness first, keep serving while balancers notice (a preStop sleep, shutdown.withdraw), then finish the requests in flight."}
	case atEvents:
		return []string{"Requests failed while instances were killed: a gateway may repeat a GET that had no answer, on another instance, and must stop choosing a dead one at once."}
	}
	return []string{"Requests failed when nothing was being scaled: look at the service's own errors and time-outs first."}
}

func (h *hinter) logouts() []string {
	if len(h.of[check.G9]) == 0 {
		return nil
	}
	return []string{"Logged-out sessions opened again: a request that was in flight saved the session back, a cache or replica still has it, or logout only removes the cookie. A save must not bring back what is gone."}
}

func (h *hinter) renewals() (hints []string) {
	var away, same bool
	for _, v := range h.of[check.G8] {
		away = away || v.Grade != check.NoGrade
		same = same || v.Grade == check.NoGrade
	}
	if away {
		hints = append(hints, "Users were logged out while their session ID was renewed: the old ID was gone before the new one had arrived. Renew in one step, and let the old ID work for a grace.")
	}
	if same {
		hints = append(hints, "A session ID outlives its renewal: the ID did not change at a login or renewal, or the old one still opens the session. Whoever knows the old ID stays in (session fixation).")
	}
	return hints
}

// stale reads that are fewer than the updates lost to races come of the races:
// a write is missing until the next one brings it back.
func (h *hinter) stale() []string {
	stale, lost := h.bad(check.G2)+h.bad(check.G3), h.bad(check.G4)+h.bad(check.G5)
	if stale == 0 || h.races() && stale <= lost {
		return nil
	}
	return []string{"Writes were missing from reads for a while: reads come from a replica that is behind, from a cache in each instance, or a write is answered before it is stored."}
}

// bad is how often a guarantee was broken; of very many the rest is only counted.
func (h *hinter) bad(id check.ID) int {
	if len(h.of[id]) == 0 {
		return 0
	}
	return max(len(h.of[id]), h.o.Guarantee(id).Bad)
}

func (h *hinter) doubles() []string {
	if len(h.of[check.G12]) == 0 {
		return nil
	}
	return []string{"Writes were applied twice: a proxy or client library repeats POSTs whose answer was lost. Repeat only what was never sent, or use idempotency keys."}
}

func (h *hinter) expiries() []string {
	if len(h.of[check.G7]) == 0 {
		return nil
	}
	return []string{"Sessions do not end when they should: the service's time-outs are not those that the drill was told, what is stored has a time to live of its own, or activity on one instance is not known to the others."}
}

func (h *hinter) streams() []string {
	if len(h.of[check.G11]) == 0 {
		return nil
	}
	return []string{"Streams did not go on where they had been: an instance on its way out cuts them without a word, or Last-Event-ID is not honoured by the instance that takes over. Announce the end, and keep what a resume needs outside the instance."}
}

func (h *hinter) late() []string {
	n := unattributed(h.o)
	if n == 0 {
		return nil
	}
	return []string{plural(n, "violation is", "violations are") + " not counted because the drill itself was late then: give it more CPU or less load."}
}
