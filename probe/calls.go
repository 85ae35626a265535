package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type userKey struct{}

// signedIn answers 401 {} to anonymous and calls next for a drill user.
func (h *Handler) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, _, err := h.user(w, r)
		switch {
		case err != nil:
			h.fail(w, r, err)
		case user == "":
			answer(w, http.StatusUnauthorized, struct{}{})
		default:
			next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
		}
	}
}

// done answers 200 {} for a function of Calls that has returned err.
func (h *Handler) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	u, ok := parameter(w, r, "u", maxUser)
	if !ok {
		return
	}
	_, foreign, err := h.user(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if foreign {
		http.Error(w, "this session belongs to somebody who is not a drill user", http.StatusForbidden)
		return
	}
	h.done(w, r, h.calls.SignIn(w, r, principalPrefix+u))
}

func (h *Handler) append(w http.ResponseWriter, r *http.Request) {
	key, ok := parameter(w, r, "k", maxKey)
	if !ok {
		return
	}
	token, ok := parameter(w, r, "t", maxToken)
	if !ok {
		return
	}
	h.done(w, r, h.calls.Append(w, r, key, token))
}

func (h *Handler) state(w http.ResponseWriter, r *http.Request) {
	s, err := h.calls.State(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if s.Tokens == nil {
		s.Tokens = []string{}
	}
	answer(w, http.StatusOK, struct {
		User     string   `json:"u"`
		Tokens   []string `json:"t"`
		N        int64    `json:"n"`
		Instance string   `json:"i"`
	}{r.Context().Value(userKey{}).(string), s.Tokens, s.N, h.opt.Instance})
}

func (h *Handler) increment(w http.ResponseWriter, r *http.Request) {
	n, err := h.calls.Increment(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, struct {
		N int64 `json:"n"`
	}{n})
}

func (h *Handler) rotate(w http.ResponseWriter, r *http.Request) {
	h.done(w, r, h.calls.Renew(w, r))
}

// logout answers 200 to anonymous too: signed out is what was asked for.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	user, _, err := h.user(w, r)
	if err == nil && user != "" {
		err = h.calls.SignOut(w, r)
	}
	if errors.Is(err, ErrAnonymous) {
		err = nil
	}
	h.done(w, r, err)
}

// slow answers 503 if the request's context ends first.
func (h *Handler) slow(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.ParseUint(r.Form.Get("ms"), 10, 31)
	d := time.Duration(ms) * time.Millisecond
	if err != nil || d > h.opt.MaxSlow {
		http.Error(w, fmt.Sprintf("ms must be a number from 0 to %d", h.opt.MaxSlow.Milliseconds()), http.StatusBadRequest)
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		answer(w, http.StatusOK, struct{}{})
	case <-r.Context().Done():
		answer(w, http.StatusServiceUnavailable, struct{}{})
	}
}

// parameter is a required value of 1 to most bytes of printable ASCII; it
// answers 400 for any other.
func parameter(w http.ResponseWriter, r *http.Request, name string, most int) (string, bool) {
	v := r.Form.Get(name)
	ok := v != "" && len(v) <= most
	for i := range len(v) {
		ok = ok && v[i] > ' ' && v[i] < 0x7f
	}
	if !ok {
		http.Error(w, fmt.Sprintf("%s must have 1 to %d printable ASCII characters", name, most), http.StatusBadRequest)
	}
	return v, ok
}
