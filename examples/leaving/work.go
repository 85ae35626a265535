package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// slow takes as long as the query says: /slow?for=3s.
func slow(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.FormValue("for"))
	if err != nil {
		http.Error(w, "for: a time with its unit, such as 3s", http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "begun")
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	select {
	case <-time.After(d):
		fmt.Fprintln(w, "done")
	case <-r.Context().Done(): // the client went away, or the request was cut
	}
}

// events is a stream. It ends after a whole event when the process leaves, so
// that the browser connects to another one and goes on from the last ID.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream") // makes it a stream for drain
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for id := 1; ; id++ {
		fmt.Fprintf(w, "id: %d\ndata: tick\n\n", id)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-drain.Leaving(r.Context()):
			return
		case <-r.Context().Done():
			return
		}
	}
}

// flush is a hook. It runs when nothing is served any more, and must be done
// when ctx ends.
func flush(ctx context.Context) error {
	log.Print("telemetry is flushed")
	return ctx.Err()
}
