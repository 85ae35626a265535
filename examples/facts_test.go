package examples

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/demo"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/session"
)

// rows are the cells of all tables of a page.
func rows(text string) [][]string {
	var out [][]string
	for l := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(l, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(l, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		out = append(out, cells)
	}
	return out
}

var word = regexp.MustCompile("`([^`]+)`")

func words(s string) []string {
	var out []string
	for _, m := range word.FindAllStringSubmatch(s, -1) {
		out = append(out, m[1])
	}
	return out
}

// commands are the sources of the command.
func commands(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("../cmd/evenkeel/*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sources of the command (%v)", err)
	}
	all := ""
	for _, p := range paths {
		all += read(t, p)
	}
	return all
}

// Each flag of the demo that the guide names is one.
func TestFlagsOfTheDemo(t *testing.T) {
	src, n := commands(t), 0
	for _, m := range regexp.MustCompile(`--([a-z]+)`).FindAllStringSubmatch(read(t, guides+"/demo.md"), -1) {
		n++
		if m[1] != "help" && !strings.Contains(src, `"`+m[1]+`"`) {
			t.Errorf("the command has no flag --%s", m[1])
		}
	}
	if n < 10 {
		t.Errorf("only %d flags were checked", n)
	}
}

// The guide says that there is no gateway command exactly as long as there is
// none.
func TestGatewayCommand(t *testing.T) {
	says := strings.Contains(read(t, guides+"/gateway.md"), "There is no `evenkeel gateway` command yet.")
	if there := regexp.MustCompile(`Use:\s+"gateway`).MatchString(commands(t)); there == says {
		t.Errorf("there is an evenkeel gateway: %v; the guide says that there is none: %v", there, says)
	}
}

// The table of errors is session.Status, and names every error there is.
func TestTableOfErrors(t *testing.T) {
	all := map[string]error{
		"ErrSuperseded": session.ErrSuperseded, "ErrConflict": session.ErrConflict, "ErrPrincipal": session.ErrPrincipal,
		"ErrGone": session.ErrGone{}, "ErrNotFound": session.ErrNotFound, "ErrLimit": session.ErrLimit,
		"ErrType": session.ErrType, "ErrUndecodable": session.ErrUndecodable, "ErrNewer": session.ErrNewer,
		"ErrMalformed": session.ErrMalformed, "ErrStarted": session.ErrStarted, "ErrDone": session.ErrDone,
		"ErrStarts": session.ErrStarts, "ErrFormat": session.ErrFormat, "ErrUnknown": session.ErrUnknown,
		"ErrNotFresh": session.ErrNotFresh, "ErrTooMany": session.ErrTooMany, "ErrUnsupported": session.ErrUnsupported,
		"ErrUnavailable": session.ErrUnavailable{},
	}
	for _, r := range rows(read(t, guides+"/sessions.md")) {
		status, err := strconv.Atoi(r[0])
		if err != nil {
			continue
		}
		for _, name := range words(r[1]) {
			if got := session.Status(all[name]); all[name] == nil || got != status {
				t.Errorf("%s stands at %d, it is %d", name, status, got)
			}
			delete(all, name)
		}
	}
	if len(all) > 0 {
		t.Errorf("not in the table: %v", slices.Collect(maps.Keys(all)))
	}
}

func TestTableOfStrategies(t *testing.T) {
	text := read(t, guides+"/demo.md")
	for _, name := range demo.StrategyNames() {
		if !slices.ContainsFunc(rows(text), func(r []string) bool { return r[0] == "`"+name+"`" }) {
			t.Errorf("no row for the strategy %s", name)
		}
	}
}

func TestTableOfExitCodes(t *testing.T) {
	var table [][]string
	for _, r := range rows(read(t, guides+"/demo.md")) {
		if _, err := strconv.Atoi(r[0]); err == nil {
			table = append(table, r)
		}
	}
	for _, v := range []check.Verdict{check.VerdictPass, check.VerdictFail, check.VerdictEventFailed, check.VerdictInconclusive, check.VerdictNotExercised} {
		name := strings.ReplaceAll(string(v), "_", " ")
		if !slices.ContainsFunc(table, func(r []string) bool {
			return r[0] == strconv.Itoa(v.ExitCode()) && slices.Contains(strings.Split(r[1], ", "), name)
		}) {
			t.Errorf("the exit code of %s is %d; the table says %v", name, v.ExitCode(), table)
		}
	}
}

// Every field of result.json is in the guide.
func TestFieldsOfTheResult(t *testing.T) {
	step := check.Step{Kind: history.Append, Token: "t", Tokens: 1, N: 1, Settle: true, Anonymous: true, Note: "n", Instance: "i"}
	r := report.Result{Outcome: check.Outcome{
		Guarantees: []check.Guarantee{{ID: check.G1}},
		Events:     []check.Event{{Event: history.Event{Err: "e"}}},
		Violations: []check.Violation{{Guarantee: check.G1, Witness: []check.Step{step}}},
	}}
	var b bytes.Buffer
	if err := report.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	text := read(t, guides+"/demo.md")
	_, text, _ = strings.Cut(text, "## result.json")
	text, _, _ = strings.Cut(text, "\n## ")
	documented, found := words(text), fields(doc)
	for _, f := range found {
		if _, guarantee := check.ParseID(f); guarantee {
			continue // of an event's bad
		}
		if !slices.Contains(documented, f) {
			t.Errorf("the field %s is not in the guide", f)
		}
	}
	if len(found) < 50 {
		t.Errorf("only %d fields were found: %v", len(found), found)
	}
	if !slices.Contains(documented, report.Schema) {
		t.Errorf("the guide does not name the schema %s", report.Schema)
	}
}

// fields are the names of all fields of a document.
func fields(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			out = append(out, name)
			out = append(out, fields(value)...)
		}
	case []any:
		for _, value := range v {
			out = append(out, fields(value)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestTableOfStates(t *testing.T) {
	text := read(t, guides+"/gateway.md")
	for _, s := range target.States() {
		if !slices.ContainsFunc(rows(text), func(r []string) bool { return r[0] == "`"+s.String()+"`" }) {
			t.Errorf("no row for the state %s", s)
		}
	}
}

// Each call of the table is one, and a drain answers as the guide shows it.
func TestTableOfAdminCalls(t *testing.T) {
	gw, err := gateway.New(gateway.Options{
		Groups: []gateway.GroupOptions{{Name: "shop", Routes: []string{"/"}, Health: gateway.HealthOptions{Interval: -1}}},
		Log:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw.AdminHandler())
	defer srv.Close()
	call := func(method, path, body string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		return srv.Client().Do(req)
	}
	text := read(t, guides+"/gateway.md")
	n := 0
	for _, r := range rows(text) {
		cell := words(r[0])
		if len(cell) != 1 || !strings.Contains(cell[0], " /") {
			continue
		}
		method, path, _ := strings.Cut(cell[0], " ")
		path = strings.NewReplacer("{group}", "shop", "{id}", "a").Replace(path)
		want := map[string]int{"PUT": 201, "DELETE": 202, "POST": 200, "GET": 200}[method]
		body := ""
		switch {
		case method == "PUT":
			body = words(r[1])[0]
		case strings.HasSuffix(path, "/reload"):
			want = http.StatusConflict
		case path == "/readyz":
			want = http.StatusServiceUnavailable // the only target has left by then
		}
		res, err := call(method, path, body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", cell[0], res.StatusCode, want)
		}
		if strings.HasSuffix(path, "/drain") {
			got, err := io.ReadAll(res.Body)
			if err != nil || !slices.ContainsFunc(blocks("gateway", text), func(b block) bool { return b.text == string(got) }) {
				t.Errorf("a drain answers %s (%v), which is not in the guide", got, err)
			}
		}
		res.Body.Close()
		n++
	}
	if n != 13 {
		t.Errorf("%d calls were made, want 13", n)
	}
}
