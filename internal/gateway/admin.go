package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// maxAdminBody bounds the body of a write.
const maxAdminBody = 64 << 10

// adminCall answers a call with a status and what is written as JSON, or an
// error.
type adminCall func(r *http.Request) (status int, answer any, err error)

// AdminHandler is the admin API, for a listener that the caller serves; Run
// serves it by itself on the listener of AdminOptions. openapi.json describes
// it.
func (g *Gateway) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	for path, methods := range g.adminCalls() {
		mux.Handle(path, dispatch(methods))
	}
	mux.Handle("/", dispatch(nil))
	return g.guard(mux)
}

// adminCalls are the calls by path and method.
func (g *Gateway) adminCalls() map[string]map[string]http.Handler {
	metrics := g.opt.Admin.Metrics
	if metrics == nil {
		metrics = http.HandlerFunc(g.serveMetrics)
	}
	page := g.opt.Admin.Page
	if page == nil {
		page = http.HandlerFunc(g.servePage)
	}
	const targetPath = "/v1/groups/{group}/targets/{id}"
	return map[string]map[string]http.Handler{
		"/v1/groups":                 {"GET": g.call(g.getGroups)},
		"/v1/groups/{group}/targets": {"GET": g.call(g.getTargets)},
		targetPath:                   {"PUT": g.call(g.putTarget), "DELETE": g.call(g.deleteTarget, "wait")},
		targetPath + "/drain":        {"POST": g.call(g.postDrain, "wait")},
		"/v1/config":                 {"GET": g.call(g.getConfig)},
		"/v1/reload":                 {"POST": g.call(g.postReload)},
		"/v1/events":                 {"GET": http.HandlerFunc(g.serveEvents)},
		"/v1/openapi.json":           {"GET": http.HandlerFunc(serveOpenAPI)},
		"/metrics":                   {"GET": metrics},
		"/livez":                     {"GET": http.HandlerFunc(g.serveLive)},
		"/readyz":                    {"GET": http.HandlerFunc(g.serveReady)},
		"/{$}":                       {"GET": page},
	}
}

// dispatch answers HEAD and OPTIONS, and 404 and 405 in the form of all other
// errors.
func dispatch(methods map[string]http.Handler) http.Handler {
	allowed := slices.Sorted(maps.Keys(methods))
	allow := strings.Join(append(slices.Clone(allowed), http.MethodOptions), ", ")
	if methods["GET"] != nil {
		allow += ", " + http.MethodHead
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		h := methods[method]
		switch {
		case h != nil:
			h.ServeHTTP(w, r)
		case len(methods) == 0:
			adminError(w, http.StatusNotFound, "no such call: "+r.URL.Path)
		case method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", allow)
			adminError(w, http.StatusMethodNotAllowed, fmt.Sprintf("method %s, allowed: %s", r.Method, strings.Join(allowed, ", ")))
		}
	})
}

// call serves f, which takes these query parameters; others are refused, since
// a wait that is misspelt must not answer at once.
func (g *Gateway) call(f adminCall, parameters ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, answer, err := 0, any(nil), checkCall(r, parameters)
		if err == nil {
			status, answer, err = f(r)
		}
		if err != nil {
			adminError(w, adminStatus(err), err.Error())
			return
		}
		writeJSON(w, status, answer)
	})
}

// errConflict is a call that makes no sense in the present state.
var errConflict = errors.New("conflict")

func adminStatus(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrUnknownGroup), errors.Is(err, ErrUnknownTarget):
		return http.StatusNotFound
	case errors.Is(err, ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, ErrReturned), errors.Is(err, errConflict):
		return http.StatusConflict
	case errors.Is(err, ErrStopped):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func adminError(w http.ResponseWriter, status int, msg string) {
	writeJSON(w, status, map[string]string{"error": msg})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the caller has gone
	}
}

// groupJSON is a group as GET /v1/groups shows it.
type groupJSON struct {
	Name                string            `json:"name"`
	Routes              []string          `json:"routes"`
	Policy              Policy            `json:"policy"`
	Affinity            AffinityMode      `json:"affinity"`
	OnDraining          target.OnDraining `json:"on_draining"`
	DeregistrationDelay string            `json:"deregistration_delay"`
	Targets             []TargetStatus    `json:"targets"`
}

func (g *Gateway) getGroups(*http.Request) (int, any, error) {
	running := g.groups()
	groups := make([]groupJSON, len(running))
	for i, grp := range running {
		groups[i] = groupJSON{
			Name: grp.Name, Routes: append([]string{}, grp.Routes...), Policy: grp.Policy, Affinity: grp.Affinity.Mode, OnDraining: grp.OnDraining,
			DeregistrationDelay: grp.DeregistrationDelay.String(), Targets: g.targets(grp),
		}
	}
	return http.StatusOK, map[string]any{"groups": groups}, nil
}

func (g *Gateway) getTargets(r *http.Request) (int, any, error) {
	targets, err := g.Targets(r.PathValue("group"))
	return http.StatusOK, map[string]any{"targets": targets}, err
}

// registration is the body of a PUT.
type registration struct {
	Address     string `json:"address"`
	Weight      int    `json:"weight"`
	Incarnation string `json:"incarnation"`
}

func (g *Gateway) putTarget(r *http.Request) (int, any, error) {
	var body registration
	if err := readJSON(r, &body); err != nil {
		return 0, nil, err
	}
	groupName, id := r.PathValue("group"), r.PathValue("id")
	_, missing := g.status(groupName, id)
	t := target.Target{ID: id, Address: body.Address, Weight: body.Weight, Incarnation: body.Incarnation, Source: SourceAPI}
	if err := g.put(groupName, t); err != nil {
		return 0, nil, err
	}
	s, err := g.status(groupName, id)
	if missing != nil {
		return http.StatusCreated, s, err
	}
	return http.StatusOK, s, err
}

func (g *Gateway) status(groupName, id string) (TargetStatus, error) {
	targets, err := g.Targets(groupName)
	if err != nil {
		return TargetStatus{}, err
	}
	if i := slices.IndexFunc(targets, func(t TargetStatus) bool { return t.ID == id }); i >= 0 {
		return targets[i], nil
	}
	return TargetStatus{}, fmt.Errorf("%w %q in group %q", ErrUnknownTarget, id, groupName)
}

// waitTime is the query's wait; 0 without one.
func waitTime(r *http.Request) (time.Duration, error) {
	q := r.URL.Query().Get("wait")
	if q == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(q)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%w: wait %q, allowed: a time with its unit, such as 300s", ErrInvalid, q)
	}
	return d, nil
}

func (g *Gateway) postDrain(r *http.Request) (int, any, error) {
	return g.drainCall(r, g.drainKept)
}

func (g *Gateway) deleteTarget(r *http.Request) (int, any, error) {
	status, answer, err := g.drainCall(r, g.deregisterKept)
	if err == nil && r.URL.Query().Get("wait") == "" {
		status = http.StatusAccepted
	}
	return status, answer, err
}

func (g *Gateway) drainCall(r *http.Request, f func(ctx context.Context, group, id string) (DrainResult, error)) (int, any, error) {
	d, err := waitTime(r)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	result, err := f(ctx, r.PathValue("group"), r.PathValue("id"))
	return http.StatusOK, result, err
}

// reloads remembers how reading the configuration went.
type reloads struct {
	mu   sync.Mutex
	last configJSON
	bad  uint64 // attempts
}

// configJSON is GET /v1/config.
type configJSON struct {
	Revision  int       `json:"revision"` // good ones so far
	LastGood  time.Time `json:"last_good"`
	LastError string    `json:"last_error"` // of the last attempt; empty if it was good
	Changes   []string  `json:"changes"`    // of the last good one
}

func (l *reloads) done(now time.Time, changes []string, err error) configJSON {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.bad++
		l.last.LastError = err.Error()
		return l.last
	}
	l.last = configJSON{Revision: l.last.Revision + 1, LastGood: now, Changes: append([]string{}, changes...)}
	return l.last
}

func (g *Gateway) getConfig(*http.Request) (int, any, error) {
	g.reload.mu.Lock()
	defer g.reload.mu.Unlock()
	return http.StatusOK, g.reload.last, nil
}

func (g *Gateway) postReload(r *http.Request) (int, any, error) {
	state, _, err := g.reloadOnce(r.Context())
	return http.StatusOK, state, err
}
