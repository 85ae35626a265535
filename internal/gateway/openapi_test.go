package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// description is as much of OpenAPI 3.1 as the tests need.
type description struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct {
	Parameters []struct {
		Name, In string
		Example  string
	}
	RequestBody *struct{ Content map[string]media }
	Responses   map[string]struct{ Content map[string]media }
}

type media struct {
	Schema  *schema
	Example any
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type, Format         string
	Enum                 []string
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties *bool
	Items                *schema
	Minimum, Maximum     *float64
}

func readDescription(t *testing.T, text string) description {
	t.Helper()
	var d description
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || len(d.Paths) == 0 {
		t.Fatalf("not a description: %.100s", text)
	}
	return d
}

// check says where v is not what the schema describes.
func (d description) check(at string, s *schema, v any) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		target := d.Components.Schemas[name]
		if target == nil {
			return []string{at + ": no schema " + name}
		}
		return d.check(at, target, v)
	}
	switch v := v.(type) {
	case map[string]any:
		if s.Type != "object" {
			bad("is an object, not %s", s.Type)
		}
		for _, key := range s.Required {
			if _, ok := v[key]; !ok {
				bad("lacks %s", key)
			}
		}
		for key, value := range v {
			if p := s.Properties[key]; p != nil {
				problems = append(problems, d.check(at+"."+key, p, value)...)
			} else if s.AdditionalProperties != nil && !*s.AdditionalProperties {
				bad("has %s, which is not described", key)
			}
		}
	case []any:
		if s.Type != "array" {
			bad("is an array, not %s", s.Type)
			break
		}
		for i, item := range v {
			problems = append(problems, d.check(fmt.Sprintf("%s[%d]", at, i), s.Items, item)...)
		}
	case string:
		if s.Type != "string" || s.Enum != nil && !slices.Contains(s.Enum, v) {
			bad("%q is not %s %v", v, s.Type, s.Enum)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			bad("%v", err)
		}
	case float64:
		if s.Type != "integer" || v != float64(int64(v)) || s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			bad("%v is not what is described", v)
		}
	case bool:
		if s.Type != "boolean" {
			bad("is a boolean, not %s", s.Type)
		}
	default:
		bad("is %v", v)
	}
	return problems
}

// checkText is check of JSON text.
func (d description) checkText(at string, s *schema, text string) []string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return []string{at + ": " + err.Error()}
	}
	return d.check(at, s, v)
}

// Every call is described, and every operation is a call.
func TestOpenAPIListsExactlyTheCalls(t *testing.T) {
	g, err := New(options(shop()))
	if err != nil {
		t.Fatal(err)
	}
	d := readDescription(t, string(openAPI))
	calls, described := map[string]bool{}, map[string]bool{}
	for path, methods := range g.adminCalls() {
		for method := range methods {
			calls[method+" "+strings.TrimSuffix(path, "{$}")] = true
		}
	}
	for path, ops := range d.Paths {
		for method, op := range ops {
			described[strings.ToUpper(method)+" "+path] = true
			for _, p := range op.Parameters {
				if p.In == "path" && !strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s %s: parameter %s is not in the path", method, path, p.Name)
				}
			}
			if n := strings.Count(path, "{"); n > len(op.Parameters) {
				t.Errorf("%s %s: %d parameters described, %d in the path", method, path, len(op.Parameters), n)
			}
		}
	}
	if !maps.Equal(calls, described) {
		t.Errorf("calls\n%v\ndescribed\n%v", slices.Sorted(maps.Keys(calls)), slices.Sorted(maps.Keys(described)))
	}
}

// The examples are what the schemas say.
func TestOpenAPIExamples(t *testing.T) {
	d := readDescription(t, string(openAPI))
	n := 0
	for path, ops := range d.Paths {
		for method, op := range ops {
			if op.RequestBody != nil {
				m := op.RequestBody.Content["application/json"]
				n++
				for _, p := range d.check(method+" "+path+" body", m.Schema, m.Example) {
					t.Error(p)
				}
			}
			for status, r := range op.Responses {
				m, ok := r.Content["application/json"]
				if !ok || m.Example == nil {
					continue
				}
				n++
				for _, p := range d.check(method+" "+path+" "+status, m.Schema, m.Example) {
					t.Error(p)
				}
			}
		}
	}
	if n < 9 {
		t.Errorf("only %d examples", n)
	}
}

// Every operation is called as its example says, on a gateway that has what
// the examples name; each answer must be described, with its status.
func TestOpenAPIDescribesTheAnswers(t *testing.T) {
	d := readDescription(t, string(openAPI))
	for path, ops := range d.Paths {
		for method, op := range ops {
			for _, p := range describedCalls(t, d, strings.ToUpper(method), path, op) {
				t.Error(p)
			}
		}
	}
}

// describedCalls makes the call with its example, and wrongly.
func describedCalls(t *testing.T, d description, method, path string, op operation) (problems []string) {
	t.Helper()
	f := start(t, fileOptions(t, app(t, "a", nil).Address))
	for _, id := range []string{"mine", "mine-too"} {
		if err := f.Register("shop", target.Target{ID: id, Address: "127.0.0.1:9", Source: SourceAPI}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	call := func(path, body string, fields ...string) {
		what := method + " " + path + " " + body
		a := f.call(t, method, path, body, fields...)
		if a.err != nil {
			t.Fatalf("%s: %v", what, a.err)
		}
		seen[fmt.Sprint(a.StatusCode)] = true
		r, ok := op.Responses[fmt.Sprint(a.StatusCode)]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: status %d is not described: %s", what, a.StatusCode, a.body))
			return
		}
		mediaType, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
		m, ok := r.Content[mediaType]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s: %d of type %q is not described", what, a.StatusCode, mediaType))
		} else if mediaType == "application/json" {
			problems = append(problems, d.checkText(what, m.Schema, a.body)...)
		}
	}
	if path == "/v1/events" {
		return describedEvents(t, d, f)
	}
	full, query, body := path, "", ""
	for _, p := range op.Parameters {
		full = strings.ReplaceAll(full, "{"+p.Name+"}", p.Example)
		if p.In == "query" {
			query = "?" + p.Name + "=" + p.Example
		}
	}
	if op.RequestBody != nil {
		b, err := json.Marshal(op.RequestBody.Content["application/json"].Example)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	call(full, body)
	call(full+query, body)
	if method != "GET" {
		call(full, body, "Origin: http://evil.example")
		call(full, strings.Repeat(" ", maxAdminBody+1))
		call(full+"?no=such", body)
		if strings.Contains(path, "{group}") {
			call(strings.Replace(full, "/shop", "/none", 1), body)
			call(strings.Replace(full, "/a", "/b", 1), body)
			call(strings.Replace(full, "/a", "/mine", 1), body)
			call(strings.Replace(full, "/a", "/mine-too", 1)+query, body)
		}
	}
	for status := range op.Responses {
		if status < "300" && !seen[status] {
			problems = append(problems, fmt.Sprintf("%s %s never answered %s", method, path, status))
		}
	}
	return problems
}

// describedEvents reads what a drain tells on the stream.
func describedEvents(t *testing.T, d description, f *fixture) []string {
	t.Helper()
	c := dial(t, f.admin)
	fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.drain(t, "a")
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		problems := d.checkText("event", d.Components.Schemas["Event"], data)
		if len(problems) > 0 || strings.Contains(data, `"kind":"drained"`) {
			return problems
		}
	}
	t.Fatal(lines.Err())
	return nil
}

// fileOptions are those of a gateway that was started with a file.
func fileOptions(t *testing.T, address string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "evenkeel.yaml")
	text := "version: 1\ngateway:\n  groups:\n    - name: shop\n      routes: [{path: /}]\n      health: {interval: 1m}\n      targets: [{id: a, address: '" + address + "'}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opt, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	quiet := options()
	opt.Log, opt.ShutdownTimeout = quiet.Log, quiet.ShutdownTimeout
	return opt
}

// The check finds what is wrong in each way that it looks for.
func TestOpenAPICheckFindsFaults(t *testing.T) {
	d := readDescription(t, string(openAPI))
	drain := d.Components.Schemas["Drain"]
	const good = `{"empty":true,"in_flight":0,"streams":0,"bound_sessions":0,"cut":0}`
	if p := d.checkText("", drain, good); len(p) != 0 {
		t.Errorf("control: %v", p)
	}
	for _, change := range [][2]string{{`"cut":0`, `"cut":-1`}, {`"cut":0`, `"cut":0.5`}, {`"cut":0`, `"cut":"0"`}, {`,"cut":0`, ``}, {`"cut":0`, `"cut":0,"more":1`}, {`"empty":true`, `"empty":null`}, {`"empty":true`, `"empty":[]`}, {good, `[]`}} {
		if p := d.checkText("", drain, strings.Replace(good, change[0], change[1], 1)); len(p) != 1 {
			t.Errorf("%v: %v", change, p)
		}
	}
	for name, text := range map[string]string{"Target": `{"id":"a","address":"h:1","state":"asleep","weight":257,"source":"x","in_flight":0,"streams":0,"bound_sessions":0,"since":"today"}`, "None": `{}`, "Groups": `{"groups":[{}]}`} {
		if p := d.checkText("", &schema{Ref: "#/components/schemas/" + name}, text); len(p) == 0 {
			t.Errorf("%s: nothing found in %s", name, text)
		}
	}
}

// Every path answers HEAD like GET without a body, and OPTIONS with what it
// allows.
func TestAdminHeadAndOptions(t *testing.T) {
	f := start(t, options(shop(app(t, "a", nil))))
	for path, allow := range map[string]string{
		"/v1/groups": "GET, OPTIONS, HEAD", "/v1/events": "GET, OPTIONS, HEAD", "/": "GET, OPTIONS, HEAD", "/metrics": "GET, OPTIONS, HEAD",
		"/v1/groups/shop/targets/a": "DELETE, PUT, OPTIONS", "/v1/groups/shop/targets/a/drain": "POST, OPTIONS",
	} {
		a := f.call(t, "OPTIONS", path, "")
		a.want(t, 204, "")
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s allows %q, want %q", path, got, allow)
		}
		a = f.call(t, "HEAD", path, "")
		if want := map[bool]int{true: 200, false: 405}[strings.Contains(allow, "HEAD")]; a.err != nil || a.StatusCode != want || a.body != "" {
			t.Errorf("HEAD %s: %v, %q, %v", path, a.Response, a.body, a.err)
		}
	}
	f.call(t, "OPTIONS", "/v1/groups", "", "Origin: http://evil.example").want(t, 403, "")
	f.call(t, "OPTIONS", "/none", "").want(t, 404, "")
}
