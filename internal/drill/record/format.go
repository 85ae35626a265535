package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// Schema of the file. A reader takes no other one.
const Schema = "evenkeel.dev/drill-run/v1"

// Name of the file in its folder.
const Name = "run.jsonl.gz"

// Header is what is known when a run begins.
type Header struct {
	Schema   string           `json:"schema"`            // set by Create
	Version  string           `json:"version,omitempty"` // of evenkeel
	Started  time.Time        `json:"started"`
	Strategy string           `json:"strategy,omitempty"`
	Users    int              `json:"users"`
	Control  time.Duration    `json:"control_ns"`
	Target   string           `json:"target,omitempty"`
	Config   []report.Setting `json:"config,omitempty"` // nothing secret
	// Required and Allowed are those of check.Judge.
	Required, Allowed []check.ID `json:"-"`
	// Check is how the run is judged. TokenUser is not kept: a run that was
	// killed and whose tokens are not those of package history is judged less
	// strictly.
	Check check.Options `json:"-"`

	// What the file has in place of those that are not text.
	RequiredIDs []string                   `json:"required"`
	AllowedIDs  []string                   `json:"allowed,omitempty"`
	Names       []string                   `json:"names,omitempty"` // of users, if Check has its own
	Checking    map[string]json.RawMessage `json:"check,omitempty"` // Check without its functions
}

// seal fills what the file has instead of Check.
func (h *Header) seal() error {
	h.Schema, h.Started = Schema, h.Started.UTC().Round(0)
	h.RequiredIDs, h.AllowedIDs = idNames(h.Required), idNames(h.Allowed)
	h.Checking, h.Names = map[string]json.RawMessage{}, nil
	v := reflect.ValueOf(h.Check)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Type.Kind() != reflect.Func {
			b, err := json.Marshal(v.Field(i).Interface())
			if err != nil {
				return err
			}
			h.Checking[f.Name] = b
		}
	}
	if h.Check.UserName != nil {
		for i := range h.Users {
			h.Names = append(h.Names, h.Check.UserName(i))
		}
	}
	return nil
}

// open fills Check from what the file has.
func (h *Header) open() error {
	if h.Schema != Schema {
		return fmt.Errorf("%q is not a schema that this version reads (%s)", h.Schema, Schema)
	}
	if h.Users < 0 || h.Users > maxUsers {
		return fmt.Errorf("%d users, want at most %d", h.Users, maxUsers)
	}
	var err error
	if h.Required, err = ids(h.RequiredIDs); err != nil {
		return err
	}
	if h.Allowed, err = ids(h.AllowedIDs); err != nil {
		return err
	}
	v := reflect.ValueOf(&h.Check).Elem()
	for name, b := range h.Checking {
		if f := v.FieldByName(name); f.IsValid() && f.Kind() != reflect.Func {
			if err := json.Unmarshal(b, f.Addr().Interface()); err != nil {
				return fmt.Errorf("check.%s: %w", name, err)
			}
		}
	}
	if names := h.Names; len(names) > 0 {
		h.Check.UserName = func(user int) string {
			if user < len(names) {
				return names[user]
			}
			return history.UserName(user)
		}
	}
	return nil
}

func idNames(ids []check.ID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return names
}

func ids(names []string) (all []check.ID, err error) {
	for _, name := range names {
		id, ok := check.ParseID(name)
		if !ok {
			return nil, fmt.Errorf("%q is no guarantee", name)
		}
		all = append(all, id)
	}
	return all, nil
}

// line is one line of the file: one of its fields is set.
type line struct {
	Header    *Header          `json:"header,omitempty"`
	Op        *operation       `json:"op,omitempty"`
	Event     *history.Event   `json:"event,omitempty"`
	Cut       *cut             `json:"cut,omitempty"`
	Violation *check.Violation `json:"violation,omitempty"`
	Bucket    *report.Bucket   `json:"bucket,omitempty"`
	Result    *result          `json:"result,omitempty"`
}

// operation has the names of its kind and outcome, which outlive their numbers.
type operation struct {
	history.Op
	Kind    string
	Outcome string
}

func newOperation(op history.Op) *operation {
	return &operation{Op: op, Kind: op.Kind.String(), Outcome: op.Outcome.String()}
}

var (
	kinds    = numbers(func(n uint8) string { return history.Kind(n).String() })
	outcomes = numbers(func(n uint8) string { return history.Outcome(n).String() })
)

// numbers maps names to what they name.
func numbers(name func(uint8) string) map[string]uint8 {
	all := map[string]uint8{}
	for n := range uint8(64) {
		all[name(n)] = n
	}
	return all
}

func (o *operation) open(users int) (history.Op, error) {
	op := o.Op
	kind, ok := kinds[o.Kind]
	outcome, known := outcomes[o.Outcome]
	switch {
	case !ok || !known:
		return op, fmt.Errorf("operation %q with outcome %q", o.Kind, o.Outcome)
	case op.User < 0 || op.User >= users:
		return op, fmt.Errorf("operation of user %d of %d", op.User, users)
	}
	op.Kind, op.Outcome = history.Kind(kind), history.Outcome(outcome)
	return op, nil
}

// cut says that operations from a moment on are missing, and why.
type cut struct {
	At  time.Duration `json:"at_ns"`
	Why string        `json:"why"`
}

// result is all of a report.Result but what the header and the lines before it
// say, and how many of those there are.
type result struct {
	report.Result
	Unexercised []string
	Width       time.Duration
	Instances   []string
	Buckets     int
	Violations  int
}
