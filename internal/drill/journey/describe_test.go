package journey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// script is what a report shows to do operations of u3 again.
func script(t *testing.T, yaml string, kinds ...history.Kind) string {
	t.Helper()
	d, err := scout(t, yaml)
	if err != nil {
		t.Fatal(err)
	}
	describe := record.Describe(d)
	v := check.Violation{User: "u3"}
	for i, k := range kinds {
		op := history.Op{User: 3, Epoch: 1, Kind: k, Call: time.Duration(2*i) * time.Second, Return: time.Duration(2*i+1) * time.Second, Outcome: history.OK, Status: 200}
		redo := &check.Redo{Presents: min(i, 1)}
		switch k {
		case history.Append:
			op.Key, op.Token = "k1", history.Token("r", 3, 1, 1)
		case history.Login:
			redo.Gives = 1
		default:
		}
		redo.Requests = describe(op, "u3")
		v.Witness = append(v.Witness, check.Step{Kind: k, Call: op.Call, Return: op.Return, Status: 200, Tokens: -1, Redo: redo})
	}
	var b bytes.Buffer
	if err := report.JSON(&b, report.Result{Target: yamlTarget(yaml), Outcome: check.Outcome{Violations: []check.Violation{v}}}); err != nil {
		t.Fatal(err)
	}
	var out struct{ Violations []struct{ Replay string } }
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || len(out.Violations) != 1 || out.Violations[0].Replay == "" {
		t.Fatalf("%v: no script in %.2000s", err, b.String())
	}
	return out.Violations[0].Replay
}

func yamlTarget(yaml string) string {
	return regexp.MustCompile(`target: (\S+)`).FindStringSubmatch(yaml)[1]
}

// shell runs a script with bash and curl, and returns all that the service
// answered.
func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "perl"} {
		_, err := exec.LookPath(tool)
		proctest.Require(t, tool, err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-u", "-c", script)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "LC_ALL=C"}, env...)
	out, err := cmd.CombinedOutput()
	t.Logf("%v\n%s\n%s", err, script, out)
	return string(out)
}

// The script of a witness signs in with a token from the page, as the drill
// did, whichever way it was found, and goes on with the session.
func TestReplaySignsIn(t *testing.T) {
	css := func(yaml string) string {
		return strings.Replace(yaml, `'name="csrf" value="([^"]+)"'`, `'css:form input[name=csrf]@value'`, 1)
	}
	follow := func(yaml string) string {
		return strings.Replace(yaml, `csrf: "{{csrf}}"}}`, `csrf: "{{csrf}}"}, follow: true}`, 1)
	}
	same := func(yaml string) string { return yaml }
	for name, change := range map[string]func(string) string{"regex": same, "css": css, "follow": follow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			yaml := change(fmt.Sprintf(written, serve(t, new(shop).handler())))
			s := script(t, yaml, history.Login, history.State, history.Append, history.State, history.Logout)
			if strings.Contains(s, password) {
				t.Fatal("the password is in the script")
			}
			out := shell(t, s, "DRILL_PASSWORD="+password)
			if n := strings.Count(out, "Signed in as <b class=who>u3</b>"); n < 2 {
				t.Errorf("signed in %d times", n)
			}
			if !strings.Contains(out, `data-item="u3x1x1x`) {
				t.Error("nothing was written")
			}
			// The token is new each time, and an answer's entities are resolved.
			if wrong := strings.Replace(s, " pick ", " echo ", 1); wrong == s || strings.Contains(shell(t, wrong, "DRILL_PASSWORD="+password), "Signed in as") {
				t.Error("control: a script that picks nothing signs in")
			}
			if strings.Contains(shell(t, s, "DRILL_PASSWORD=wrong"), "Signed in as") {
				t.Error("control: another password signs in")
			}
			if wrong := strings.Replace(s, `-c "$JAR"`, "", 1); wrong == s || strings.Contains(shell(t, wrong, "DRILL_PASSWORD="+password), "Signed in as") {
				t.Error("control: a script that loses a cookie signs in")
			}
		})
	}
}

// A token in JSON becomes a header of what follows, and what is sent as JSON is
// escaped.
func TestReplayOfAnAPI(t *testing.T) {
	t.Parallel()
	s := script(t, fmt.Sprintf(apiDrill, serve(t, new(api).handler())), history.Login, history.State, history.Append, history.Incr, history.State, history.Logout, history.Replay)
	env := []string{`DRILL_PASSWORD=quoted "word"`, "DRILL_KIND=3"}
	out := shell(t, s, env...)
	for _, want := range []string{`"name":"Zoë d"`, `"id":"u3x1x1x`, `{"n":1}`, "HTTP/1.1 204", "HTTP/1.1 401"} {
		if !strings.Contains(out, want) {
			t.Errorf("no answer has %s", want)
		}
	}
	if wrong := strings.Replace(s, "access.token", "access.taken", 1); strings.Contains(shell(t, wrong, append(env, "DRILL_BEARER=none")...), "Zoë d") {
		t.Error("control: a script that looks for the token elsewhere signs in")
	}
}

// No secret is shown, and nothing that may be one.
func TestDescribeHidesSecrets(t *testing.T) {
	t.Setenv("EVENKEEL_TEST_HIDDEN", "hunter2")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "s", Value: "u" + r.URL.Query().Get("n")})
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("s"); err == nil {
			fmt.Fprintf(w, "<b>%s</b>", c.Value)
		}
	})
	const yaml = "version: 1\ntarget: %s\njourney:\n  header: {X-Api-Key: \"${EVENKEEL_TEST_HIDDEN}\", Authorization: \"Bearer {{hidden}}\"}\n  vars: {hidden: \"${EVENKEEL_TEST_HIDDEN}\"}\n" +
		"  accounts: {password: \"${EVENKEEL_TEST_HIDDEN}\"}\n  login: [{post: '/login?n={{n}}&k=hunter2', %s}]\n  marker: {get: /me, regex: '<b>(\\w+)'}\n"
	at := serve(t, mux)
	for body, want := range map[string]string{
		`form: {user: "{{user}}", password: "${EVENKEEL_TEST_HIDDEN}-{{n}}", client: "${EVENKEEL_TEST_HIDDEN}"}`: `"client=$DRILL_CLIENT&password=$DRILL_PASSWORD&user=u3"`,
		`json: {user: "{{user}}", pin: "{{password}}"}`:                                                          `{"pin":"$DRILL_PASSWORD","user":"u3"}`,
		`body: '{"user":"{{user}}","key":"${EVENKEEL_TEST_HIDDEN}"}'`:                                            `"$DRILL_BODY"`,
		`body: '{"user":"{{user}}","kind":3}'`:                                                                   `{"user":"u3","kind":3}`,
	} {
		d, err := scout(t, fmt.Sprintf(yaml, at, body))
		if err != nil {
			t.Fatal(err)
		}
		got := record.Describe(d)(history.Op{User: 3, Kind: history.Login}, "u3")
		if len(got) != 1 {
			t.Fatalf("%+v", got)
		}
		if s := fmt.Sprintf("%+v", got); strings.Contains(s, "hunter2") {
			t.Errorf("a secret is in %s", s)
		}
		if q := got[0]; q.Path != "/login?n=3&k=$DRILL_K" || fmt.Sprintf("%q", q.Body) != want && q.Body != want {
			t.Errorf("%+v, want the body %s", q, want)
		}
		if h := strings.Join(got[0].Headers, "\n"); !strings.Contains(h, "X-Api-Key: $DRILL_X_API_KEY") || !strings.Contains(h, "Authorization: Bearer $DRILL_HIDDEN") {
			t.Errorf("headers %s", h)
		}
	}
}
