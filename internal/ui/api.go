package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBody is how many bytes a request to the API may have.
const maxBody = 4 << 10

var actions = []string{ScaleOut, ScaleIn, Kill, RollingRestart}

// refusal is the body of every answer of the API that is not a success.
type refusal struct {
	Error      string `json:"error"`
	Queued     int    `json:"queued,omitempty"` // with 429: how many wait
	retryAfter int    // seconds; 0 is not said
}

func refuse(w http.ResponseWriter, status int, body refusal) {
	if body.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(body.retryAfter))
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := encode(body)
	if err != nil {
		panic(err) // strings and numbers of ours: a bug
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// serveState answers with the state of the latest message.
func (p *Page) serveState(w http.ResponseWriter, _ *http.Request) {
	f := p.latest.Load()
	if f.state == nil {
		what := "the demo is starting"
		if f.last {
			what = "the demo has ended"
		}
		refuse(w, http.StatusServiceUnavailable, refusal{Error: what, retryAfter: 1})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(f.state)
}

// serveDo takes {"action":"kill"} and answers {"queued":1}.
func (p *Page) serveDo(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action string `json:"action"`
	}
	if !decode(w, r, &body) {
		return
	}
	if !slices.Contains(actions, body.Action) {
		refuse(w, http.StatusBadRequest, refusal{Error: fmt.Sprintf("action %s: there is no such action; there are %s", quoted(body.Action), strings.Join(actions, ", "))})
		return
	}
	queued, err := p.src.Do(body.Action)
	switch {
	case err == nil:
		answer(w, http.StatusAccepted, struct {
			Queued int `json:"queued"`
		}{queued})
	case errors.Is(err, ErrBusy):
		refuse(w, http.StatusTooManyRequests, refusal{Error: fmt.Sprintf("%d are waiting already; try again when one has begun", queued), Queued: queued, retryAfter: 1})
	case errors.Is(err, ErrUnknown):
		refuse(w, http.StatusBadRequest, refusal{Error: fmt.Sprintf("action %s: not in this demo", quoted(body.Action))})
	default:
		refuse(w, http.StatusServiceUnavailable, refusal{Error: err.Error(), retryAfter: 1})
	}
}

// serveStrategy takes {"strategy":"sticky"} and answers the same.
func (p *Page) serveStrategy(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Strategy string `json:"strategy"`
	}
	if !decode(w, r, &body) {
		return
	}
	switch err := p.src.Switch(body.Strategy); {
	case err == nil:
		answer(w, http.StatusAccepted, body)
	case errors.Is(err, ErrUnknown):
		refuse(w, http.StatusBadRequest, refusal{Error: fmt.Sprintf("strategy %s: there is no such strategy", quoted(body.Strategy))})
	default:
		refuse(w, http.StatusServiceUnavailable, refusal{Error: err.Error(), retryAfter: 1})
	}
}

// decode reads exactly one JSON object with known fields into body, or
// refuses.
func decode(w http.ResponseWriter, r *http.Request, body any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, refusal{Error: "the body must be sent as Content-Type: application/json"})
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(body)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("more than one value")
		} else if errors.Is(err, io.EOF) {
			return true
		}
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		refuse(w, http.StatusRequestEntityTooLarge, refusal{Error: fmt.Sprintf("the body must have at most %d bytes", maxBody)})
		return false
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	refuse(w, http.StatusBadRequest, refusal{Error: "the body is not understood: " + strings.TrimPrefix(err.Error(), "json: ")})
	return false
}

// quoted shows what a stranger has sent, in bounds.
func quoted(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.Quote(s)
}
