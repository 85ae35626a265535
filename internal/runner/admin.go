package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// Drained is the answer of GET /drain/wait.
type Drained struct {
	Empty    bool `json:"empty"` // nothing is in flight, and nothing will come
	InFlight int  `json:"in_flight"`
	Streams  int  `json:"streams"`
	Cut      int  `json:"cut"`
}

// adminHandler is the admin API.
func adminHandler(d *drain.Drainer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" { // a web page can post to loopback, a hook has no reason to say so
			refuse(w, http.StatusForbidden, "not for web pages")
			return
		}
		d.Drain()
		answer(w, http.StatusAccepted, drained(d))
	})
	mux.HandleFunc("GET /drain/wait", func(w http.ResponseWriter, r *http.Request) {
		limit, err := time.ParseDuration(r.URL.Query().Get("timeout"))
		if err != nil || limit < 0 {
			refuse(w, http.StatusBadRequest, "timeout: want a time with its unit, such as 40s")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		select {
		case <-d.Reached(drain.Flushing):
		case <-ctx.Done():
		}
		answer(w, http.StatusOK, drained(d))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s := d.Stats()
		fmt.Fprintf(w, "# HELP evenkeel_run_state State of the way out: 1 serving, 2 withdrawing, 3 draining, 4 flushing.\n# TYPE evenkeel_run_state gauge\nevenkeel_run_state %d\n", s.State)
		fmt.Fprintf(w, "# HELP evenkeel_run_in_flight Requests in flight, streams not among them.\n# TYPE evenkeel_run_in_flight gauge\nevenkeel_run_in_flight %d\n", s.Requests)
		fmt.Fprintf(w, "# HELP evenkeel_run_streams WebSockets and event streams.\n# TYPE evenkeel_run_streams gauge\nevenkeel_run_streams %d\n", s.Streams)
		fmt.Fprintf(w, "# HELP evenkeel_run_cut_total Requests and streams that were cut on the way out.\n# TYPE evenkeel_run_cut_total counter\nevenkeel_run_cut_total %d\n", s.Cut)
	})
	return mux
}

func drained(d *drain.Drainer) Drained {
	s := d.Stats()
	return Drained{Empty: s.State >= drain.Flushing, InFlight: s.Requests, Streams: s.Streams, Cut: s.Cut}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone does not read it
}
