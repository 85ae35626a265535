package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
// serves it by itself on the listener of AdminOptions.
func (g *Gateway) AdminHandler() http.Handler {
	metrics := g.opt.Admin.Metrics
	if metrics == nil {
		metrics = http.HandlerFunc(g.serveMetrics)
	}
	page := g.opt.Admin.Page
	if page == nil {
		page = http.HandlerFunc(g.servePage)
	}
	const targetPath = "/v1/groups/{group}/targets/{id}"
	calls := map[string]map[string]http.Handler{
		"/v1/groups":                 {"GET": g.call(g.getGroups)},
		"/v1/groups/{group}/targets": {"GET": g.call(g.getTargets)},
		targetPath:                   {"PUT": g.call(g.putTarget), "DELETE": g.call(g.deleteTarget)},
		targetPath + "/drain":        {"POST": g.call(g.postDrain)},
		"/v1/config":                 {"GET": g.call(g.getConfig)},
		"/v1/reload":                 {"POST": g.call(g.postReload)},
		"/v1/events":                 {"GET": http.HandlerFunc(g.serveEvents)},
		"/metrics":                   {"GET": metrics},
		"/livez":                     {"GET": http.HandlerFunc(g.serveLive)},
		"/readyz":                    {"GET": http.HandlerFunc(g.serveReady)},
		"/{$}":                       {"GET": page},
		"/":                          nil,
	}
	mux := http.NewServeMux()
	for path, methods := range calls {
		mux.Handle(path, dispatch(methods))
	}
	return g.guard(mux)
}

// dispatch answers 404 and 405 in the form of all other errors.
func dispatch(methods map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h, ok := methods[method]; ok {
			h.ServeHTTP(w, r)
			return
		}
		if len(methods) == 0 {
			adminError(w, http.StatusNotFound, "no such call: "+r.URL.Path)
			return
		}
		allowed := make([]string, 0, len(methods))
		for m := range methods {
			allowed = append(allowed, m)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		adminError(w, http.StatusMethodNotAllowed, fmt.Sprintf("method %s, allowed: %s", r.Method, strings.Join(allowed, ", ")))
	})
}

func (g *Gateway) call(f adminCall) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, answer, err := f(r)
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
	groups := make([]groupJSON, len(g.groups))
	for i, grp := range g.groups {
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

func (g *Gateway) putTarget(r *http.Request) (int, any, error) {
	var body struct {
		Address     string `json:"address"`
		Weight      int    `json:"weight"`
		Incarnation string `json:"incarnation"`
	}
	if err := readJSON(r, &body); err != nil {
		return 0, nil, err
	}
	groupName, id := r.PathValue("group"), r.PathValue("id")
	_, missing := g.status(groupName, id)
	t := target.Target{ID: id, Address: body.Address, Weight: body.Weight, Incarnation: body.Incarnation, Source: "api"}
	if err := g.Register(groupName, t); err != nil {
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

// readJSON decodes exactly one object without unknown fields.
func readJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxAdminBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: body: %w", ErrInvalid, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: body: found more than one JSON value", ErrInvalid)
	}
	return nil
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
	return g.drainCall(r, g.Drain)
}

func (g *Gateway) deleteTarget(r *http.Request) (int, any, error) {
	status, answer, err := g.drainCall(r, g.DeregisterAndWait)
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
	if g.opt.Admin.Reload == nil {
		return 0, nil, fmt.Errorf("%w: the gateway was started without a configuration file, there is nothing to reload", errConflict)
	}
	changes, err := g.opt.Admin.Reload(r.Context())
	state := g.reload.done(time.Now(), changes, err)
	if err != nil {
		g.opt.Log.LogAttrs(r.Context(), slog.LevelError, "reload failed", slog.Any("error", err))
		return 0, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	g.opt.Log.LogAttrs(r.Context(), slog.LevelInfo, "reloaded", slog.Int("changes", len(changes)))
	return http.StatusOK, state, nil
}
