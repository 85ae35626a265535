package peers

import "net/http"

// Requests that are in flight while another one ends or renews the session.
var flightEdges = []scenario{
	{
		edge: "a sign-in while a request is in flight",
		run: func(t *trial) {
			h := newHeld()
			b := t.browse(h.routes())
			b.must("/set?k=k&v=before")
			old := b.cookies()
			slow := h.around(b, "/login?u=alice")
			t.lostIf(b.get("/who").body != "alice", "the sign-in")
			t.lostIf(slow.code == http.StatusOK && b.get("/get?k=slow").body != "1", "the write in flight")
			after := b.another(old)
			t.lostIf(after.get("/who").body == "alice", "the old ID is signed in")
			t.lostIf(after.get("/get?k=k").body != "", "the old ID is open")
		},
		lost: map[string]string{
			"scs":      "the old ID is open; the sign-in",
			"gorilla":  "the old ID is open; the sign-in",
			"careless": "the old ID is open; the sign-in",
		},
	},
	{
		edge: "a sign-out while a request is in flight",
		run: func(t *trial) {
			h := newHeld()
			b := t.browse(h.routes())
			b.must("/set?k=k&v=before")
			b.must("/login?u=alice")
			old := b.cookies()
			h.around(b, "/logout")
			t.lostIf(b.another(old).get("/who").body == "alice", "the user is signed in again")
		},
		lost: map[string]string{
			"scs":      "the user is signed in again",
			"gorilla":  "the user is signed in again",
			"careless": "the user is signed in again",
		},
	},
}

// held is a request that the harness keeps between its load and its Set.
type held struct{ arrived, release chan struct{} }

func newHeld() *held { return &held{make(chan struct{}), make(chan struct{})} }

func (h *held) routes() routes {
	return routes{"/slow": func(w http.ResponseWriter, _ *http.Request, v visit) {
		_, err := v.User()
		close(h.arrived)
		<-h.release
		if err == nil {
			err = v.Set("slow", "1")
		}
		answer(w, "ok", err, v.Save)
	}}
}

// around starts the slow request, lets path come and go, and ends it.
func (h *held) around(b *browser, path string) (slow answered) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		slow = b.get("/slow")
	}()
	<-h.arrived
	b.must(path)
	close(h.release)
	<-done
	return slow
}
