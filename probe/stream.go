package probe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	streamInterval = 100 * time.Millisecond
	// streamWrite is how long one event may take to be written, whatever the
	// server's WriteTimeout, which counts from the request and would cut
	// every long stream.
	streamWrite = 10 * time.Second
	// maxEventID keeps event IDs exact in JavaScript.
	maxEventID = 1 << 53
)

// stream sends events with the IDs 1, 2, 3, …, or on from Last-Event-ID + 1,
// so the count belongs to whoever resumes it and goes on at any instance. Each
// event's data is {"u":"alice","i":"instance"}. It ends with the session, where
// Calls.Done tells, and with the request.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	id := uint64(0)
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		var err error
		if id, err = strconv.ParseUint(last, 10, 64); err != nil || id >= maxEventID {
			http.Error(w, "Last-Event-ID is none of this stream's", http.StatusBadRequest)
			return
		}
	}
	data, err := json.Marshal(map[string]string{"u": r.Context().Value(userKey{}).(string), "i": h.opt.Instance})
	if err != nil {
		panic(fmt.Sprintf("probe: marshal an event: %v", err))
	}
	var over <-chan struct{}
	if h.calls.Done != nil {
		over = h.calls.Done(r)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	tick := time.NewTicker(streamInterval)
	defer tick.Stop()
	for {
		id++
		// Where the wrapped writer has no deadlines the server's own apply.
		_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, data); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			return
		case <-r.Context().Done():
			return
		}
	}
}
