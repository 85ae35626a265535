package report

import (
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Hints are what the violations point at, in plain words, the most harmful
// first. They are likely causes, not proofs.
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
	return slices.Concat(h.leaks(), h.sessions(), h.updates(), h.requests(), h.logouts(), h.renewals(), h.stale(), h.doubles(), h.late())
}

type hinter struct {
	o      check.Outcome
	of     map[check.ID][]check.Violation
	events map[int]check.Event
}

func (h *hinter) leaks() []string {
	if len(h.of[check.G6]) == 0 {
		return nil
	}
	return []string{"Users were shown what belongs to others: a cache answers in the service's place (look for Age or X-Cache in the answers), or session state is shared between requests. Answers to a session need Cache-Control: no-store or private."}
}

// sessions tells the sessions of one instance from those of all, and those that
// no event took.
func (h *hinter) sessions() (hints []string) {
	instances := map[int]map[string]int{}
	for _, v := range h.of[check.G1] {
		if instances[v.Event] == nil {
			instances[v.Event] = map[string]int{}
		}
		instances[v.Event][v.Instance]++
	}
	var one, all bool
	for _, id := range slices.Sorted(maps.Keys(instances)) {
		if id == 0 {
			continue
		}
		e, lost := h.events[id], 0
		for _, n := range instances[id] {
			lost += n
		}
		only := len(instances[id]) == 1 && instances[id][""] == 0
		switch {
		case !one && (only || e.Target != "" && 10*instances[id][e.Target] >= 9*lost):
			one = true
			hints = append(hints, fmt.Sprintf("The sessions that event %d took were on one instance (%s): sessions are kept in the process and end with it. Keep them outside the instance.", id, h.lostOn(instances[id])))
		case !all && !only && e.Crossings > 0 && 10*lost >= 9*e.Crossings:
			all = true
			hints = append(hints, fmt.Sprintf("Event %d took nearly all sessions: every instance went and took its sessions along, the store was lost, or the key that seals the cookies changed.", id))
		case !one && !all:
			one, all = true, true
			hints = append(hints, fmt.Sprintf("Event %d took sessions of several instances: requests reached instances that do not have the session. Keep sessions outside the instance.", id))
		}
	}
	if len(instances[0]) > 0 {
		hints = append(hints, "Sessions were lost when nothing was being scaled: sessions are kept in the process and the balancer sends a user to several, or the store evicts them.")
	}
	return hints
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
	losses := slices.Concat(h.of[check.G4], h.of[check.G5])
	if len(losses) == 0 {
		return nil
	}
	if slices.ContainsFunc(losses, func(v check.Violation) bool { return v.Event == 0 }) {
		return []string{"Acknowledged updates were lost when nothing was being scaled: of two requests at once the last writer wins. The session is loaded, changed and saved as a whole; write attributes one by one, or refuse a save over a newer version."}
	}
	return []string{"Acknowledged updates were lost in events only: they are acknowledged before they are stored where they survive (saved after the answer, kept in the process, or on a replica that had not got them)."}
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

func (h *hinter) stale() []string {
	if len(h.of[check.G2])+len(h.of[check.G3]) == 0 {
		return nil
	}
	return []string{"Writes were missing from reads for a while: reads come from a replica that is behind, from a cache in each instance, or a write is answered before it is stored."}
}

func (h *hinter) doubles() []string {
	if len(h.of[check.G12]) == 0 {
		return nil
	}
	return []string{"Writes were applied twice: a proxy or client library repeats POSTs whose answer was lost. Repeat only what was never sent, or use idempotency keys."}
}

func (h *hinter) late() []string {
	n := unattributed(h.o)
	if n == 0 {
		return nil
	}
	return []string{plural(n, "violation is", "violations are") + " not counted because the drill itself was late then: give it more CPU or less load."}
}
