package report

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// What a request picks is not asked for, and stays for later steps also where
// the one that picks it overlaps another.
func TestReplayThatPicks(t *testing.T) {
	page := check.Request{Path: "/form", Plain: true, Picks: []check.Pick{{Name: "DRILL_CSRF", In: "body", Pattern: "it's ([^<]+)"}}}
	sent := check.Request{Method: "POST", Path: "/x?q=$DRILL_CSRF", Plain: true, Follow: true, Headers: []string{"Content-Type: application/json"}, Body: `{"c":"$DRILL_CSRF","p":"$DRILL_PIN"}`}
	do := func(kind history.Kind, call, ret float64, all ...check.Request) check.Step {
		return check.Step{Kind: kind, Call: at(call), Return: at(ret), Status: 200, Tokens: -1, Redo: &check.Redo{Requests: all}}
	}
	script := replay(check.Violation{User: "u1", Witness: []check.Step{do(history.Rotate, 0, 2, page), do(history.Append, 1, 3, page, sent), do(history.State, 4, 5, sent)}}, Result{})
	for text, times := range map[string]int{
		`: "${DRILL_PIN:?`: 1, `: "${DRILL_CSRF:?`: 0, "pick() {": 1, "in_json() {": 1, "in_url() {": 1, "&\nwait": 1,
		"{ ANSWER=$(curl": 1, "\nANSWER=$(curl": 1, `pick body 'it'\''s ([^<]+)') &`: 1,
		`-L --max-redirs 8 --data-raw '{"c":"'"$(in_json "$DRILL_CSRF")"'","p":"'"$(in_json "$DRILL_PIN")"'"}' "$BASE"'/x?q='"$(in_url "$DRILL_CSRF")"`: 2,
	} {
		if n := strings.Count(script, text); n != times {
			t.Errorf("%d times %s, want %d, in\n%s", n, text, times, script)
		}
	}
}

// The functions of the script do what their names say.
func TestScriptTools(t *testing.T) {
	for _, tool := range []string{"bash", "perl"} {
		_, err := exec.LookPath(tool)
		proctest.Require(t, tool, err)
	}
	const head = "HTTP/1.1 303 See\r\nSet-Cookie: c=hop\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: c=x%201; Path=/\r\n\r\n"
	for _, test := range []struct{ run, answer, want string }{
		{`pick body 'v="(\w+|[^"]+)"'`, head + `<i v="&lt;a&#39;&eacute;é&gt;">`, "<a'&eacute;é>"},
		{`pick html 'v="([^"]+)"'`, head + `<!-- v="no" --> v=" yes "`, "yes"},
		{`pick head '(?im)^Set-Cookie:[ \t]*c=([^;]*)'`, head, "x%201"},
		{`pick json '$.a[1].b'`, head + `{"a":[1,{"b":"é\"2"}]}`, `é"2`},
		{`pick json "['a name'].n"`, head + `{"a name":{"n":12345678}}`, "12345678"},
		{`pick json a[*].ok`, head + `{"a":[{"ok":true}]}`, "true"},
		{`pick json a.c`, head + `{"a":[1]}`, "!"},
		{`pick body '(none)'`, head + "some", "!"},
		{`in_url 'a b/ü&$'`, "", "a%20b%2F%C3%BC%26%24"},
		{`in_json 'a"\ü'`, "", `a\u0022\u005cü`},
	} {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", urlTool+jsonTool+pickTool+test.run)
		cmd.Stdin = strings.NewReader(test.answer)
		out, err := cmd.Output()
		if got := string(out); (err != nil) != (test.want == "!") || err == nil && got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.run, got, err, test.want)
		}
	}
}
