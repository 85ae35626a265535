package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// eventBuffer is how many events one reader of /v1/events may be behind.
const eventBuffer = 256

// serveEvents streams events as they happen. After events were lost to this
// reader, an event called dropped says how many so far.
func (g *Gateway) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	sub := g.Subscribe(eventBuffer)
	defer sub.Close()
	c := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, ": events of targets\n\n")
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	told := uint64(0)
	for {
		if c.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-g.stopping:
			return
		case <-beat.C:
			fmt.Fprint(w, ": still here\n\n")
		case ev := <-sub.C:
			data, err := json.Marshal(ev)
			if err != nil {
				panic(err) // an event of ours cannot be marshalled: a bug
			}
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", ev.ID, ev.Kind, data)
		}
		if lost := sub.Dropped(); lost > told {
			told = lost
			fmt.Fprintf(w, "event: dropped\ndata: {\"dropped\":%d}\n\n", lost)
		}
	}
}

func (g *Gateway) serveLive(w http.ResponseWriter, _ *http.Request) { probe(w, "", "") }

// serveReady is 200 while requests are answered: not while leaving, and not
// when a group with a route has no target to send to.
func (g *Gateway) serveReady(w http.ResponseWriter, _ *http.Request) {
	if g.leaving.Load() {
		probe(w, "leaving", "")
		return
	}
	for _, grp := range g.groups() {
		if t := grp.table.Load(); len(grp.Routes) > 0 && len(t.first.entries)+len(t.last.entries) == 0 {
			probe(w, "no target", grp.Name)
			return
		}
	}
	probe(w, "", "")
}

func probe(w http.ResponseWriter, problem, group string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if problem == "" {
		fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, problem, group)
}

// servePage is a list for people without the page.
func (g *Gateway) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, grp := range g.groups() {
		fmt.Fprintf(w, "%s (%s, affinity %s, on draining %s)\n", grp.Name, grp.Policy, grp.Affinity.Mode, grp.OnDraining)
		for _, t := range g.targets(grp) {
			fmt.Fprintf(w, "  %-24s %-22s %-10s in flight %d, streams %d, bound %d\n", t.ID, t.Address, t.State, t.InFlight, t.Streams, t.BoundSessions)
		}
	}
}
