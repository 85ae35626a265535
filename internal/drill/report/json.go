package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// Schema of result.json.
const Schema = "evenkeel.dev/drill/v1"

// maxListed is how many violations of a guarantee result.json lists.
const maxListed = 100

type document struct {
	Schema     string          `json:"schema"`
	Verdict    check.Verdict   `json:"verdict"`
	Strategy   string          `json:"strategy"`
	Duration   float64         `json:"duration_s"`
	Users      int             `json:"users"`
	Guarantees []guaranteeJSON `json:"guarantees"`
	Requests   requestsJSON    `json:"requests"`
	Events     []eventJSON     `json:"events"`
	Health     healthJSON      `json:"health"`
	Violations []violationJSON `json:"violations"`
	Omitted    int             `json:"violations_omitted"`
	Reasons    []string        `json:"reasons"` // of inconclusive and not_exercised
}

type guaranteeJSON struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	Status       check.Status `json:"status"`
	Exposed      int          `json:"exposed"`
	Bad          int          `json:"bad"`
	Grades       gradesJSON   `json:"grades"`
	BoundSession float64      `json:"bound_session"`
	BoundEvent   float64      `json:"bound_event"`
	Unattributed int          `json:"unattributed"`
}

type gradesJSON struct {
	Lost     int `json:"lost"`
	Rollback int `json:"rollback"`
	Stale    int `json:"stale"`
}

type requestsJSON struct {
	Sent        int `json:"sent"`
	RawFailures int `json:"raw_failures"`
	Masked      int `json:"masked"`
	Seen        int `json:"seen"`
	SeenAtKills int `json:"seen_at_kills"`
	Late        int `json:"late"`
	Shed        int `json:"shed"`
}

type eventJSON struct {
	ID        int        `json:"id"`
	Kind      string     `json:"kind"`
	Target    string     `json:"target"`
	At        float64    `json:"at_s"`
	Crossings int        `json:"crossings"`
	Bad       badJSON    `json:"bad"`
	Phases    phasesJSON `json:"phases"`
	Error     string     `json:"error,omitempty"`
}

// phasesJSON has null for a phase that the event has not come to.
type phasesJSON struct {
	Triggered   *float64 `json:"triggered_s"`
	Terminating *float64 `json:"terminating_s"`
	Ready       *float64 `json:"ready_s"`
	Settled     *float64 `json:"settled_s"`
}

type healthJSON struct {
	Status   string  `json:"status"`
	Lateness float64 `json:"lateness_p999_ms"`
	CPU      float64 `json:"cpu"`
	Limited  float64 `json:"limited"` // share of the time
}

type violationJSON struct {
	Guarantee    string      `json:"guarantee"`
	Grade        check.Grade `json:"grade"`
	User         string      `json:"user"`
	LastGood     float64     `json:"last_good_s"`
	At           float64     `json:"at_s"`
	Event        int         `json:"event"` // 0 none
	Instance     string      `json:"instance"`
	Detail       string      `json:"detail"`
	Unattributed bool        `json:"unattributed"`
	Witness      []stepJSON  `json:"witness"`
	Minimal      bool        `json:"minimal,omitempty"` // no step can be left out
	Replay       string      `json:"replay,omitempty"`  // a shell script with curl
}

type stepJSON struct {
	Call      float64 `json:"call_s"`
	Return    float64 `json:"return_s"`
	Kind      string  `json:"kind"`
	Outcome   string  `json:"outcome"`
	Status    int     `json:"status"`
	Instance  string  `json:"instance,omitempty"`
	Token     string  `json:"token,omitempty"`
	Tokens    *int    `json:"tokens,omitempty"` // how many were shown
	N         int64   `json:"n,omitempty"`
	Settle    bool    `json:"settle,omitempty"`
	Anonymous bool    `json:"anonymous,omitempty"`
	Note      string  `json:"note,omitempty"`

	Requests []requestJSON `json:"requests,omitempty"`
	Epoch    int           `json:"epoch,omitempty"`       // of the cookie presented: counts the sign-ins
	Presents int           `json:"presents_id,omitempty"` // session IDs are numbered within a witness
	Gives    int           `json:"gives_id,omitempty"`
	Cache    string        `json:"cache,omitempty"` // what the answer says of a cache that gave it
}

// requestJSON is a request of a step; secrets are $NAMES.
type requestJSON struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Headers []string `json:"headers,omitempty"`
	Body    string   `json:"body,omitempty"`
}

// badJSON is written in the order of the guarantees, not of the text.
type badJSON map[check.ID]int

func (b badJSON) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteByte('{')
	for _, id := range check.IDs() {
		if n, ok := b[id]; ok {
			if buf.Len() > 1 {
				buf.WriteByte(',')
			}
			fmt.Fprintf(&buf, "%q:%d", id, n)
		}
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

// JSON writes result.json.
func JSON(w io.Writer, r Result) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(newDocument(r)); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

func newDocument(r Result) document {
	q := r.Outcome.Requests
	d := document{
		Schema: Schema, Verdict: r.Verdict, Strategy: r.Strategy, Duration: seconds(r.Outcome.Duration), Users: r.Users,
		Guarantees: []guaranteeJSON{}, Events: []eventJSON{}, Violations: []violationJSON{}, Reasons: reasons(r),
		Requests: requestsJSON{q.Sent, q.RawFailures, q.Masked, q.Seen, q.SeenAtKills, q.Late, q.Shed},
		Health: healthJSON{
			Status:   cmp.Or(r.Health.Status, "ok"),
			Lateness: seconds(1000 * r.Health.LatenessP999), CPU: significant(r.Health.CPU), Limited: significant(r.Outcome.Limited),
		},
	}
	for _, g := range r.Outcome.Guarantees {
		d.Guarantees = append(d.Guarantees, guaranteeJSON{
			ID: g.ID.String(), Name: g.ID.Name(), Status: g.Status, Exposed: g.Exposed, Bad: g.Bad,
			Grades:       gradesJSON{g.Lost, g.Rollback, g.Stale},
			BoundSession: significant(g.BoundSession), BoundEvent: significant(g.BoundEvent), Unattributed: g.Unattributed,
		})
	}
	for _, e := range r.Outcome.Events {
		d.Events = append(d.Events, newEvent(e, r.Outcome.Guarantees))
	}
	listed := map[check.ID]int{}
	for _, v := range r.Outcome.Violations {
		if listed[v.Guarantee]++; listed[v.Guarantee] > maxListed {
			continue
		}
		d.Violations = append(d.Violations, newViolation(v, r))
	}
	found := 0
	for _, g := range r.Outcome.Guarantees {
		found += g.Bad + g.Unattributed
	}
	d.Omitted = max(0, found-len(d.Violations))
	return d
}

func newEvent(e check.Event, rows []check.Guarantee) eventJSON {
	j := eventJSON{
		ID: e.ID, Kind: e.Kind, Target: e.Target, At: seconds(e.Triggered), Crossings: e.Crossings,
		Bad: badJSON{}, Error: e.Err,
		Phases: phasesJSON{phase(e.Triggered), phase(e.Terminating), phase(e.Ready), phase(e.Settled)},
	}
	for _, g := range rows {
		if g.Status != check.NotExercised {
			j.Bad[g.ID] = e.Bad[g.ID]
		}
	}
	return j
}

func newViolation(v check.Violation, r Result) violationJSON {
	j := violationJSON{
		Guarantee: v.Guarantee.String(), Grade: v.Grade, User: v.User, LastGood: seconds(v.LastGood), At: seconds(v.At),
		Event: v.Event, Instance: v.Instance, Detail: v.Detail, Unattributed: v.Unattributed, Witness: []stepJSON{},
		Minimal: v.Minimal, Replay: replay(v, r),
	}
	for _, s := range v.Witness {
		step := stepJSON{
			Call: seconds(s.Call), Return: seconds(s.Return), Kind: s.Kind.String(), Outcome: s.Outcome.String(),
			Status: s.Status, Instance: s.Instance, Token: s.Token, N: s.N, Settle: s.Settle, Anonymous: s.Anonymous, Note: s.Note,
		}
		if s.Tokens >= 0 {
			step.Tokens = &s.Tokens
		}
		if do := s.Redo; do != nil {
			for _, q := range do.Requests {
				step.Requests = append(step.Requests, requestJSON{q.Method, q.Path, q.Headers, q.Body})
			}
			step.Epoch, step.Presents, step.Gives, step.Cache = do.Epoch, do.Presents, do.Gives, do.Cache
		}
		j.Witness = append(j.Witness, step)
	}
	return j
}

// reasons are why a run proves nothing, in plain words.
func reasons(r Result) []string {
	all := append([]string{}, r.Outcome.Inconclusive...) // never null
	for _, id := range r.Unexercised {
		all = append(all, fmt.Sprintf("%v (%s) was not exercised", id, id.Name()))
	}
	return all
}

// seconds are rounded to a tenth of a millisecond: finer is noise.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e4) / 1e4 }

func phase(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	s := seconds(d)
	return &s
}

// significant rounds to four significant digits.
func significant(v float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		return v
	}
	return rounded
}
