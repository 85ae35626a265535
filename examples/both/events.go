package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/session"
)

// events is a stream that remembers in the session how far it got. It ends
// when its user signs out anywhere, and when the process leaves.
func events(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	if s.Principal() == "" {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	id, _, err := seen.Get(s)
	if err == nil {
		err = s.Commit(r.Context()) // before the first byte; from now on Set works after it too
	}
	if err != nil {
		sorry(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		id++
		fmt.Fprintf(w, "id: %d\ndata: tick\n\n", id)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		if seen.Set(s, id) != nil || s.Commit(r.Context()) != nil {
			return // the session is over, renewed since, or cannot be saved: the client comes back
		}
		select {
		case <-tick.C:
		case <-s.Done(): // signed out, here or on another process
			return
		case <-drain.Leaving(r.Context()): // this process ends
			return
		case <-r.Context().Done():
			return
		}
	}
}
