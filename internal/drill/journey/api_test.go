package journey_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// api is an application without cookies: a login answers with a token that
// every request carries in a header.
type api struct {
	forgets int // each so many requests end the session that made it

	mu       sync.Mutex
	sessions map[string]*holder
	requests int
}

type holder struct {
	name  string
	items []map[string]any
	n     int
}

func (a *api) handler() http.Handler {
	a.sessions = map[string]*holder{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/login", a.login)
	mux.HandleFunc("GET /api/me", a.held(func(h *holder, _ *http.Request) any {
		return map[string]any{"user": map[string]any{"name": h.name}}
	}))
	mux.HandleFunc("GET /api/items", a.held(func(h *holder, _ *http.Request) any {
		return map[string]any{"items": h.items}
	}))
	mux.HandleFunc("PUT /api/items/{id}", a.held(func(h *holder, r *http.Request) any {
		h.items = append(h.items, map[string]any{"id": r.PathValue("id"), "price": 7})
		return map[string]any{}
	}))
	mux.HandleFunc("POST /api/count", a.held(func(h *holder, _ *http.Request) any {
		h.n++
		return map[string]any{"n": h.n}
	}))
	mux.HandleFunc("GET /api/count", a.held(func(h *holder, _ *http.Request) any { return map[string]any{"n": h.n} }))
	mux.HandleFunc("POST /api/refresh", a.held(nil))
	mux.HandleFunc("DELETE /api/session", a.held(nil))
	return mux
}

func (a *api) login(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User, Password string
		Device         struct{ Kind int }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Password != `quoted "word"` || in.Device.Kind != 3 {
		http.Error(w, `{"error":"who are you"}`, http.StatusUnauthorized)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.give(w, &holder{name: in.User})
}

func (a *api) give(w http.ResponseWriter, h *holder) {
	id := rand.Text()
	a.sessions[id] = h
	answerJSON(w, map[string]any{"access": map[string]any{"token": id}})
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// held answers 401 to strangers.
func (a *api) held(f func(*holder, *http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		h := a.sessions[id]
		if a.requests++; a.forgets > 0 && a.requests%a.forgets == 0 {
			delete(a.sessions, id)
			h = nil
		}
		switch {
		case !ok || h == nil:
			http.Error(w, "{}", http.StatusUnauthorized)
		case r.Method == http.MethodDelete:
			maps.DeleteFunc(a.sessions, func(_ string, other *holder) bool { return other == h })
			w.WriteHeader(http.StatusNoContent)
		case f == nil:
			a.give(w, h) // the old one lives for a grace that outlasts the test
		default:
			answerJSON(w, f(h, r))
		}
	}
}

const apiDrill = `
version: 1
target: %s
users: 8
think: 20ms
duration: 1m
allow_unexercised: G8
journey:
  accounts: {csv: accounts.csv}
  vars: {kind: "3"}
  credential: {header: {Authorization: "Bearer {{bearer}}"}}
  login:
    post: /api/login
    body: '{"user": "{{user}}", "password": "{{password}}", "device": {"kind": 3, "text": "{{kind}}"}}'
    pick: {bearer: json:access.token}
  marker: {get: /api/me, json: user.name}
  write:  {put: "/api/items/{{token}}"}
  read:   {get: /api/items, json: "items[*].id"}
  incr:   {post: /api/count, pick: {n: json:n}}
  count:  {get: /api/count, json: n}
  logout: {delete: /api/session}
`

var accounts = func() string {
	var b strings.Builder
	b.WriteString("user,password\n")
	for i := range 12 {
		fmt.Fprintf(&b, "Zoë %c,\"quoted \"\"word\"\"\"\n", 'a'+i)
	}
	return b.String()
}()

func TestAPI(t *testing.T) {
	t.Parallel()
	yaml := fmt.Sprintf(apiDrill, serve(t, new(api).handler()))
	out := drill(t, yaml, exercisedBut(check.G8))
	found(t, out)
	if g := out.Guarantee(check.G5); g.Exposed == 0 {
		t.Error("no ticket was drawn")
	}
	yaml = fmt.Sprintf(apiDrill, serve(t, (&api{forgets: 97}).handler()))
	found(t, drill(t, yaml, func(p check.Progress) bool { return p.Bad[check.G1]+p.Suspect[check.G1] > 5 }), check.G1)
}

// A refresh gives another token; services that keep the old one for long say so
// by their grace.
func TestAPIThatRefreshes(t *testing.T) {
	t.Parallel()
	yaml := fmt.Sprintf(apiDrill, serve(t, new(api).handler())) +
		"  rotate: {post: /api/refresh, pick: {bearer: json:access.token}}\nsession: {renewal_grace: 1h}\n"
	clean(t, yaml, check.TierJourney)
}
