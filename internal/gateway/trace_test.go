package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestPassTrace(t *testing.T) {
	for _, tc := range []struct {
		name          string
		parent, state []string
		kept, stated  bool
	}{
		{"none", nil, nil, false, false},
		{"good", []string{parent}, []string{"a=1,tenant@b=x:y", "c=2"}, true, true},
		{"state alone", nil, []string{"a=1"}, false, false},
		{"twice", []string{parent, parent}, []string{"a=1"}, false, false},
		{"empty", []string{""}, []string{"a=1"}, false, false},
		{"short", []string{parent[:54]}, []string{"a=1"}, false, false},
		{"long", []string{parent + "-x"}, nil, false, false},
		{"capitals", []string{strings.ToUpper(parent)}, nil, false, false},
		{"no hex", []string{strings.Replace(parent, "0af", "xaf", 1)}, nil, false, false},
		{"trace of zeros", []string{"00-00000000000000000000000000000000-b7ad6b7169203331-01"}, nil, false, false},
		{"parent of zeros", []string{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"}, nil, false, false},
		{"version ff", []string{"ff" + parent[2:]}, nil, false, false},
		{"a later version", []string{"cc" + parent[2:] + "-what"}, []string{"a=1"}, true, true},
		{"a later version, run on", []string{"cc" + parent[2:] + "what"}, nil, false, false},
		{"state with empty members", []string{parent}, []string{"a=1, ,b=2"}, true, true},
		{"state without a value", []string{parent}, []string{"a"}, true, false},
		{"state with capitals in a key", []string{parent}, []string{"A=1"}, true, false},
		{"state with a value of two", []string{parent}, []string{"a=1=2"}, true, false},
		{"state with a control byte", []string{parent}, []string{"a=\x01"}, true, false},
		{"state with a long value", []string{parent}, []string{"a=" + strings.Repeat("x", 257)}, true, false},
		{"state of 33", []string{parent}, []string{strings.Repeat("a=1,", 33)}, true, false},
	} {
		h := http.Header{}
		if tc.parent != nil {
			h["Traceparent"] = tc.parent
		}
		if tc.state != nil {
			h["Tracestate"] = tc.state
		}
		want := http.Header{}
		if tc.kept {
			want["Traceparent"] = tc.parent
		}
		if tc.stated {
			want["Tracestate"] = tc.state
		}
		passTrace(h)
		if d := cmp.Diff(want, h); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func FuzzPassTrace(f *testing.F) {
	f.Add(parent, "a=1,b@c=2")
	f.Add("cc"+parent[2:]+"-what", "=,")
	f.Add("00-", " , ,")
	f.Fuzz(func(t *testing.T, p, s string) {
		h := http.Header{"Traceparent": {p}, "Tracestate": {s}}
		passTrace(h)
		id := traceID(h)
		if kept := h["Traceparent"] != nil; kept != (len(id) == 32) || !kept && h["Tracestate"] != nil {
			t.Errorf("%q, %q: %v, ID %q", p, s, h, id)
		}
		if strings.Trim(id, "0123456789abcdef") != "" {
			t.Errorf("ID %q", id)
		}
	})
}
