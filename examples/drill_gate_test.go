package examples

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

const gateToken = "a-token-of-the-gate"

// hook is a call that a manifest of the guide makes.
type hook struct {
	method, url string
	header      http.Header
	body        string
	timeout     time.Duration
}

// manifests are the guide's, by kind.
func manifests(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, b := range blocks("drill", read(t, guides+"/drill.md")) {
		var m struct{ Kind string }
		if b.lang == "yaml" && yaml.Unmarshal([]byte(b.text), &m) == nil && m.Kind != "" {
			out[m.Kind] = b.text
		}
	}
	return out
}

// flaggerHook is what Flagger sends: it knows no headers, and puts metadata
// into the body.
func flaggerHook(t *testing.T, manifest string) hook {
	t.Helper()
	var canary struct {
		Spec struct {
			Analysis struct {
				Webhooks []struct {
					Name, Type, URL, Timeout string
					Metadata                 map[string]string
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(manifest), &canary); err != nil {
		t.Fatal(err)
	}
	hooks := canary.Spec.Analysis.Webhooks
	if len(hooks) != 1 || hooks[0].Type != "pre-rollout" || hooks[0].Metadata["token"] == "" {
		t.Fatalf("webhooks %+v", hooks)
	}
	hooks[0].Metadata["token"] = gateToken
	body, err := json.Marshal(map[string]any{"name": "shop", "namespace": "prod", "phase": "Progressing", "metadata": hooks[0].Metadata})
	if err != nil {
		t.Fatal(err)
	}
	timeout, err := time.ParseDuration(hooks[0].Timeout)
	if err != nil {
		t.Fatal(err)
	}
	return hook{http.MethodPost, hooks[0].URL, http.Header{"Content-Type": {"application/json"}}, string(body), timeout}
}

// argoHook is what Argo Rollouts sends, and what a pass has in its answer.
func argoHook(t *testing.T, manifest string) hook {
	t.Helper()
	var template struct {
		Spec struct {
			Metrics []struct {
				SuccessCondition string `yaml:"successCondition"`
				Provider         struct {
					Web struct {
						Method, URL    string
						TimeoutSeconds int    `yaml:"timeoutSeconds"`
						JSONPath       string `yaml:"jsonPath"`
						Headers        []struct{ Key, Value string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(manifest), &template); err != nil {
		t.Fatal(err)
	}
	if len(template.Spec.Metrics) != 1 {
		t.Fatalf("metrics %+v", template.Spec.Metrics)
	}
	m := template.Spec.Metrics[0]
	if m.Provider.Web.JSONPath != "{$.verdict}" || m.SuccessCondition != `result == "pass"` {
		t.Errorf("a pass is told by %s of %s", m.SuccessCondition, m.Provider.Web.JSONPath)
	}
	h := hook{m.Provider.Web.Method, m.Provider.Web.URL, http.Header{}, "", time.Duration(m.Provider.Web.TimeoutSeconds) * time.Second}
	for _, f := range m.Provider.Web.Headers {
		h.header.Set(f.Key, strings.ReplaceAll(f.Value, "{{args.token}}", gateToken))
	}
	return h
}

// ask makes the call to a gate elsewhere.
func (h hook) ask(t *testing.T, gate string) (status int, verdict string) {
	t.Helper()
	_, query, _ := strings.Cut(h.url, "/gate")
	req, err := http.NewRequestWithContext(t.Context(), h.method, gate+query, strings.NewReader(h.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h.header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Verdict string }
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(body, &answer) // a refusal is text
	return resp.StatusCode, answer.Verdict
}

// serveGate starts the real gate in front of a service that loses sessions, or
// does not.
func serveGate(t *testing.T, command string, loses bool) (gate string) {
	t.Helper()
	cmd := exec.Command(command, "drill", "serve", "--target", forgetful(t, loses), "--users", "10", "--rate", "60/s", "--for", "4s",
		"--allow-unexercised", "G1,G2,G3,G4,G5,G7,G8,G9,G11,G12", "--listen", "127.0.0.1:0")
	cmd.Dir = t.TempDir() // without a drill.yaml
	cmd.Env = append(os.Environ(), "EVENKEEL_PROBE_SECRET="+probeSecret, "EVENKEEL_DRILL_TOKEN="+gateToken)
	return proctest.Start(t, cmd).WaitLine(time.Minute, `^gate on (.*)$`)[1]
}

// curlGate runs the guide's curl.
func curlGate(t *testing.T, gate string) (status int, verdict string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^curl .*/gate\?.*$`).FindString(read(t, guides+"/drill.md"))
	if line == "" {
		t.Fatal("the guide has no curl for the gate")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, "http://127.0.0.1:9940/gate", gate))
	cmd.Env = append(os.Environ(), "EVENKEEL_DRILL_TOKEN="+gateToken)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var answer struct{ Verdict string }
	body, code, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	status, err = strconv.Atoi(code)
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return status, answer.Verdict
}

// The guide's curl, Flagger webhook and Argo Rollouts template, sent to real
// gates: a pass is 200 with the verdict in the body, a violation is neither. The
// planted fault is a call without the token.
func TestGateInTheGuide(t *testing.T) {
	_, err := exec.LookPath("curl")
	proctest.Require(t, "curl", err)
	all, command := manifests(t), evenkeel(t)
	flagger, argo := flaggerHook(t, all["Canary"]), argoHook(t, all["AnalysisTemplate"])
	for _, loses := range []bool{true, false} {
		gate := serveGate(t, command, loses)
		check := func(name string, status int, verdict string) {
			t.Helper()
			busy := status == http.StatusServiceUnavailable && verdict == "inconclusive" // said to be so
			passed := status == http.StatusOK && verdict == "pass"
			failed := status == http.StatusExpectationFailed && verdict == "fail"
			if !busy && (passed == loses || failed != loses) {
				t.Errorf("%s: %d %q of a service that loses sessions: %v", name, status, verdict, loses)
			}
		}
		status, verdict := flagger.ask(t, gate)
		check("Flagger", status, verdict)
		status, verdict = argo.ask(t, gate)
		check("Argo Rollouts", status, verdict)
		status, verdict = curlGate(t, gate)
		check("curl", status, verdict)
		for _, h := range []hook{flagger, argo} {
			h.header, h.body = http.Header{}, ""
			if status, _ := h.ask(t, gate); status != http.StatusUnauthorized {
				t.Errorf("without a token: %d", status)
			}
		}
	}
	for _, h := range []hook{flagger, argo} {
		_, query, _ := strings.Cut(h.url, "wait=")
		if wait, err := time.ParseDuration(query); err != nil || wait >= h.timeout {
			t.Errorf("%s gives up after %v, before the gate does (%v, %v)", h.url, h.timeout, wait, err)
		}
	}
}
