package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestStateIsThatOfTheLatestMessage(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	if r := s.do(http.MethodGet, "/api/state", ""); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("before Run: %d", r.StatusCode)
	}
	s.run()
	eventually(t, "a snapshot", func() bool { return s.Stats().Encoded > 0 })
	r := s.do(http.MethodGet, "/api/state", "")
	var state struct {
		Phase    string
		Replicas []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(r.body), &state); err != nil || state.Phase != "running" || len(state.Replicas) != 2 {
		t.Errorf("%v: %s", err, r.body)
	}
	if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", r.Header)
	}
}

func TestDoQueuesUntilFull(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	for i, action := range []string{ScaleOut, Kill, RollingRestart} {
		r := s.do(http.MethodPost, "/api/do", `{"action":"`+action+`"}`)
		if want := `{"queued":` + string(rune('1'+i)) + "}\n"; r.StatusCode != http.StatusAccepted || r.body != want {
			t.Errorf("%s: %d %s, want %s", action, r.StatusCode, r.body, want)
		}
	}
	r := s.do(http.MethodPost, "/api/do", `{"action":"scale-in"}`)
	var body struct {
		Error  string
		Queued int
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusTooManyRequests || body.Queued != 3 || body.Error == "" || r.Header.Get("Retry-After") == "" {
		t.Errorf("full: %d %s", r.StatusCode, r.body)
	}
	if got := s.src.touched(); got != "[scale-out kill rolling-restart] []" {
		t.Error(got)
	}
}

func TestSourceThatRefuses(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	for _, c := range []struct {
		err    error
		status int
	}{{ErrUnknown, http.StatusBadRequest}, {errors.New("the demo is ending"), http.StatusServiceUnavailable}} {
		s.src.err = c.err
		if r := s.do(http.MethodPost, "/api/do", `{"action":"kill"}`); r.StatusCode != c.status {
			t.Errorf("%v: %d, want %d", c.err, r.StatusCode, c.status)
		}
	}
}

func TestSwitch(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	if r := s.do(http.MethodPost, "/api/strategy", `{"strategy":"evenkeel"}`); r.StatusCode != http.StatusAccepted || r.body != "{\"strategy\":\"evenkeel\"}\n" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := s.do(http.MethodPost, "/api/strategy", `{"strategy":"magic"}`); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, "magic") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if got := s.src.touched(); got != "[] [evenkeel]" {
		t.Error(got)
	}
}

func TestRubbishIsRefusedAndChangesNothing(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	as := func(media string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", media) }
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		change             func(*http.Request)
	}{
		"empty":             {"POST", "/api/do", "", 400, as("application/json")},
		"not JSON":          {"POST", "/api/do", "kill", 400, nil},
		"cut off":           {"POST", "/api/do", `{"action":"ki`, 400, nil},
		"wrong type":        {"POST", "/api/do", `{"action":7}`, 400, nil},
		"a list":            {"POST", "/api/do", `["kill"]`, 400, nil},
		"null":              {"POST", "/api/do", `null`, 400, nil},
		"unknown field":     {"POST", "/api/do", `{"action":"kill","how":"hard"}`, 400, nil},
		"unknown action":    {"POST", "/api/do", `{"action":"format"}`, 400, nil},
		"no action":         {"POST", "/api/do", `{}`, 400, nil},
		"two values":        {"POST", "/api/do", `{"action":"kill"}{"action":"kill"}`, 400, nil},
		"rubbish after":     {"POST", "/api/do", `{"action":"kill"} x`, 400, nil},
		"too long":          {"POST", "/api/do", `{"action":"` + strings.Repeat("k", 5000) + `"}`, 413, nil},
		"too long after":    {"POST", "/api/do", `{"action":"kill"}` + strings.Repeat(" ", 5000), 413, nil},
		"a form":            {"POST", "/api/do", `{"action":"kill"}`, 415, as("application/x-www-form-urlencoded")},
		"no type":           {"POST", "/api/do", `{"action":"kill"}`, 415, func(r *http.Request) { r.Header.Del("Content-Type") }},
		"GET do":            {"GET", "/api/do", "", 405, nil},
		"PUT do":            {"PUT", "/api/do", `{"action":"kill"}`, 405, nil},
		"GET strategy":      {"GET", "/api/strategy", "", 405, nil},
		"POST state":        {"POST", "/api/state", `{}`, 405, nil},
		"POST events":       {"POST", "/api/events", `{}`, 405, nil},
		"POST page":         {"POST", "/", `{}`, 405, nil},
		"unknown call":      {"GET", "/api/secrets", "", 404, nil},
		"strategy no name":  {"POST", "/api/strategy", `{}`, 400, nil},
		"strategy unknown":  {"POST", "/api/strategy", `{"strategy":"x"}`, 400, nil},
		"strategy an array": {"POST", "/api/strategy", `{"strategy":["evenkeel"]}`, 400, nil},
	} {
		var change []func(*http.Request)
		if c.change != nil {
			change = append(change, c.change)
		}
		r := s.do(c.method, c.path, c.body, change...)
		var body struct{ Error string }
		if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.Error == "" {
			t.Errorf("%s: the answer says no error: %s", name, r.body)
		}
		if r.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %s", name, r.StatusCode, c.status, r.body)
		}
		if r.StatusCode == http.StatusMethodNotAllowed && r.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
		if len(r.body) > 400 {
			t.Errorf("%s: the answer repeats %d bytes", name, len(r.body))
		}
	}
	if got := s.src.touched(); got != "[] []" {
		t.Errorf("something was done: %s", got)
	}
}
