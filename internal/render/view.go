package render

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/evenkeel/evenkeel/internal/policy"
)

//go:embed templates
var templates embed.FS

// view is what a template sees: the service, resolved, and the numbers of its
// target.
type view struct {
	*policy.Derived
	Target string
	K      policy.KubernetesNumbers
	E      policy.ECSNumbers
	A      policy.ALBNumbers
	S      policy.SpringNumbers
	P      policy.ProxyNumbers
	Y      policy.SystemdNumbers
	Check  policy.Number // of proxies that ask by themselves, in milliseconds
}

// Name is the service's, as all platforms take it.
func (v *view) Name() string { return strings.ToLower(v.Service.Name) }

// Mode is what keeps a user with an instance: sessions in the process need a
// cookie, if nothing is said.
func (v *view) Mode() string {
	switch m := v.Service.Affinity.Mode; {
	case m != "":
		return string(m)
	case v.Memory():
		return string(policy.AffinityCookie)
	}
	return string(policy.AffinityNone)
}

// Memory reports whether sessions are in the process.
func (v *view) Memory() bool { return v.Service.Session.Home() == "memory" }

// Redis reports whether a Redis or Valkey holds the sessions.
func (v *view) Redis() bool { return v.Service.Session.Redis() }

// Engine is ElastiCache's, by the scheme of the store's URL.
func (v *view) Engine() string {
	if strings.HasPrefix(v.Service.Session.Scheme(), "valkey") {
		return "valkey"
	}
	return "redis"
}

// EngineVersion is the engine's.
func (v *view) EngineVersion() string {
	return map[string]string{"redis": "7.1", "valkey": "8.0"}[v.Engine()]
}

// EngineFamily is the family of parameter groups.
func (v *view) EngineFamily() string {
	return map[string]string{"redis": "redis7", "valkey": "valkey8"}[v.Engine()]
}

// Cookie is the name of a balancer's own cookie.
func (v *view) Cookie() string {
	if c := v.Service.Affinity.Cookie; c != "" {
		return c
	}
	return v.Name() + "-affinity"
}

// AppCookie is the name of the application's cookie.
func (v *view) AppCookie() string {
	if c := v.Service.Affinity.AppCookie; c != "" {
		return c
	}
	return v.Service.Session.Cookie
}

// IdleSeconds is the sessions' idle timeout, rounded up; 0: not stated, or none.
func (v *view) IdleSeconds() int {
	if d := v.Service.Session.IdleTimeout; d != nil {
		return int(math.Ceil(d.Seconds()))
	}
	return 0
}

// Exec reports whether a hook has to run sleep: the kubelet's own sleep came
// with Kubernetes 1.30.
func (v *view) Exec() bool {
	return v.Policy.Kubernetes.MinVersion.Before(policy.Version{Major: 1, Minor: 30})
}

// AppPort is where the program listens behind evenkeel run, on loopback.
func (v *view) AppPort() int { return v.beside(1) }

// ManagementPort is where Spring's endpoints for the pod itself listen, on
// loopback.
func (v *view) ManagementPort() int { return v.beside(2) }

func (v *view) beside(n int) int {
	if port := int(v.Service.Port); port+n > 65535 {
		return port - n
	}
	return int(v.Service.Port) + n
}

// Namespace is the prefix of keys as Spring takes it, which adds a colon.
func (v *view) Namespace() string { return strings.TrimRight(v.Service.Session.Prefix, ":") }

// HostCookie reports whether browsers take the cookie only with Secure and
// Path=/.
func (v *view) HostCookie() bool { return strings.HasPrefix(v.Service.Session.Cookie, "__Host-") }

// Live is the path of liveness, which must not be that of readiness.
func (v *view) Live() string {
	if v.Service.Health.Path == "/livez" {
		return ""
	}
	return "/livez"
}

// Targets are addresses of RFC 5737, for people to replace.
func (v *view) Targets() []string {
	var out []string
	for i := range min(v.Service.Replicas.Min, 200) {
		out = append(out, fmt.Sprintf("192.0.2.%d:%d", 11+i, v.Service.Port))
	}
	return out
}

// Part is a part of the budget as a flag takes it.
func (v *view) Part(name string) string {
	b := v.Budget()
	return max(0, map[string]time.Duration{"withdraw": b.Withdraw, "requests": b.Requests, "streams": b.Streams, "flush": b.Flush}[name]).String()
}

var plainYAML = regexp.MustCompile(`^[A-Za-z/_][A-Za-z0-9._/-]*$`)

var functions = template.FuncMap{
	// yaml quotes what YAML could read in another way.
	"yaml": func(s string) string {
		if plainYAML.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
			return s
		}
		b, err := json.Marshal(s)
		if err != nil {
			panic(err) // strings have JSON
		}
		return string(b)
	},
	"hcl": func(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) },
	// snake is a name as HCL's labels and nginx' variables take it.
	"snake": func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") },
}

// execute fills a template of templates.
func (v *view) execute(name string) ([]byte, error) {
	t, err := template.New(name).Funcs(functions).Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// one is a target's only file, of the template with its name.
func (v *view) one(name string) ([]File, error) { return v.as(name, name) }

func (v *view) as(name, file string) ([]File, error) {
	data, err := v.execute(name)
	if err != nil {
		return nil, err
	}
	return []File{{Name: file, Data: data}}, nil
}
