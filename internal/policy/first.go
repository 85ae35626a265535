package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
)

// Answers are what a first policy needs to be told.
type Answers struct {
	Service  string
	Store    string // memory, external or a URL, which may be ${NAME}
	Requests time.Duration
	Streams  time.Duration // 0: there are none
	Routers  []Router
}

const firstText = `# What {{.Service}} needs to leave, and where its sessions are. The file is read by
# evenkeel check, render and gateway; all keys: docs/guide/policy.md.
version: 1
service: {{quote .Service}}

session:
{{- if eq .Store "memory"}}
  # In the process: whoever's instance leaves is signed out. A store outside of
  # the instances loses nobody: external, or redis://HOST:6379/0.
{{- else if eq .Store "external"}}
  # Somewhere that outlives an instance: JDBC, Redis, a signed cookie. A URL such
  # as redis://HOST:6379/0 says more. memory would be: in the process.
{{- else}}
  # A password belongs into the environment: store: ${NAME}
{{- end}}
  store: {{quote .Store}}
  # A session ends so long after its last request. Write what the program does.
  idle_timeout: 30m

# An instance's way out, in this order. Together with a margin it has to fit
# what the platform gives; evenkeel render kubernetes --numbers shows the sum.
shutdown:
  # withdraw: serve on while balancers notice. Without it: {{.Withdraw.How}}
  # the longest request that may finish
  requests: {{.Requests}}
  # WebSockets and event streams, beside the requests{{if eq .Streams "0s"}}; there are none{{end}}
  streams: {{.Streams}}
  # last writes
  flush: 5s

# What sends requests to the instances: kube-proxy, ingress-nginx,
# aws-load-balancer-controller, gateway-api, alb, eureka.
routers: [{{range $i, $r := .Routers}}{{if $i}}, {{end}}{{$r}}{{end}}]
{{- if eq .Store "memory"}}

# Sessions in the process need every user to come back to the same instance.
affinity: {mode: cookie}
{{- end}}
`

// First is a first evenkeel.yaml. The error is that of reading it: an answer
// that is not allowed, by its key.
func First(a Answers) ([]byte, error) {
	if a.Requests < 0 || a.Streams < 0 {
		return nil, fmt.Errorf("requests %v, streams %v: must not be negative", a.Requests, a.Streams)
	}
	derived := (&Policy{}).Derive(&Service{Settings: Settings{Instances: Instances{Routers: a.Routers}}})
	view := struct {
		Answers
		Withdraw          Number
		Requests, Streams string
	}{a, derived.Withdraw, short(a.Requests), short(a.Streams)}
	t := template.Must(template.New(FileName).Funcs(template.FuncMap{"quote": quote}).Parse(firstText))
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return nil, err
	}
	// A variable that is not set here may be where the file is used.
	text := os.Expand(out.String(), func(name string) string { return "redis://" + name })
	var f File
	if err := config.Parse(FileName, []byte(text), &f); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// short is a duration as people write it: 30s, 2m.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// quote is a text as YAML takes it in any place.
func quote(s string) (string, error) {
	if serviceName().MatchString(s) && !strings.ContainsAny(s[:1], "0123456789") && s != "true" && s != "false" && s != "null" {
		return s, nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}
