package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/config"
)

const schemaFile = "../../docs/reference/evenkeel.schema.json"

type object = map[string]any

// told is what an editor shows of each key. A key without a text fails the
// test that writes the schema.
var told = map[string]string{
	"version":                  "version of this file's form",
	"service":                  "name of the one service",
	"services":                 "several services; each begins with what is under defaults",
	"services.name":            "name of the service",
	"defaults":                 "what the services have in common",
	"kubernetes":               "what is known of the clusters",
	"kubernetes.min_version":   "the oldest version of Kubernetes that it has to run on",
	"spot":                     "whether instances run on capacity that is taken away after two minutes' notice",
	"gateway":                  "of evenkeel gateway; see evenkeel gateway validate",
	"session":                  "where sessions are and how long they live",
	"session.cookie":           "name of the application's session cookie",
	"session.idle_timeout":     "a session ends so long after its last request; 0s: only by the absolute timeout",
	"session.absolute_timeout": "a session ends so long after it began; 0s: only by the idle timeout",
	"session.store":            "memory: in the process; external: somewhere that outlives it; or a URL",
	"session.prefix":           "before all keys in the store",
	"shutdown":                 "how long each part of an instance's way out may take",
	"shutdown.withdraw":        "serve on so long while balancers notice; by default the longest window of the routers",
	"shutdown.requests":        "the longest request that may finish; 30s by default",
	"shutdown.streams":         "the same for WebSockets and event streams; 30s by default",
	"shutdown.flush":           "last writes; 5s by default",
	"shutdown.lame_duck":       "the program itself serves on for withdraw after SIGTERM, as evenkeel run and package drain do",
	"affinity":                 "what keeps a user with an instance",
	"affinity.mode":            "none by default",
	"affinity.cookie":          "name of the balancer's own cookie",
	"affinity.app_cookie":      "name of the application's cookie that is followed or hashed",
	"affinity.header":          "name of the header that is hashed",
	"affinity.load_factor":     "bound on the load of one instance in the modes that hash; of the gateway",
	"replicas":                 "between what numbers the service scales",
	"replicas.min":             "2 by default",
	"replicas.max":             "10 by default",
	"port":                     "that the program listens on; 8080 by default",
	"image":                    "container image; NAME:latest by default",
	"routers":                  "what sends requests to the instances; kube-proxy by default",
	"host":                     "name that users type",
	"health":                   "how balancers ask an instance",
	"health.path":              "/readyz by default",
	"health.interval":          "5s by default",
	"health.healthy":           "answers that make an instance healthy; 2 by default",
	"health.unhealthy":         "failures that make it unhealthy; 2 by default",
	"start":                    "until an instance serves; 30s by default",
	"keep_alive":               "how long the program keeps idle connections; by default 15 s longer than balancers do. 0s: it keeps none",
}

// limits are those of Validate that a schema can say.
var limits = map[string]object{
	"version":       {"const": 1},
	"service":       {"pattern": serviceName().String()},
	"services":      {"minItems": 1},
	"services.name": {"pattern": serviceName().String()},
	"session.cookie": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "allOf": []object{
		{"if": object{"pattern": "^__[Hh][Oo][Ss][Tt]-"}, "then": object{"pattern": "^__Host-."}},
		{"if": object{"pattern": "^__[Ss][Ee][Cc][Uu][Rr][Ee]-"}, "then": object{"pattern": "^__Secure-."}},
	}},
	"session.store":    {"pattern": "^(memory|external|sqlite:.+|(" + strings.Join(schemes[:len(schemes)-1], "|") + ")://.+)$"},
	"replicas.min":     {"minimum": 1, "maximum": 5000},
	"replicas.max":     {"minimum": 1, "maximum": 5000},
	"port":             {"minimum": 1, "maximum": 65535},
	"image":            {"pattern": imageName().String()},
	"host":             {"pattern": hostName().String()},
	"health.path":      {"pattern": urlPath().String()},
	"health.interval":  {"not": object{"pattern": `^0+[a-zµ]*$`}},
	"health.healthy":   {"minimum": 1, "maximum": 10},
	"health.unhealthy": {"minimum": 1, "maximum": 10},
}

// writer makes the schema of the structs, and notes which texts it used.
type writer struct {
	t    *testing.T
	used map[string]bool
}

func (w *writer) mapping(typ reflect.Type, under string) object {
	properties, required := object{}, []string{}
	w.fields(typ, under, properties, &required)
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (w *writer) fields(typ reflect.Type, under string, properties object, required *[]string) {
	for f := range typ.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case opts == "inline":
			w.fields(f.Type, under, properties, required)
			continue
		case name == "" || name == "-":
			continue
		}
		key := strings.TrimPrefix(under+"."+name, ".")
		// The same keys stand beside service, under defaults and in services.
		about := key
		if i := strings.IndexByte(key, '.'); i > 0 && told[key] == "" {
			about = key[i+1:]
		}
		if told[about] == "" {
			w.t.Errorf("nothing is told of %s", key)
		}
		w.used[about] = true
		value := w.value(f.Type, key)
		for k, v := range limits[about] {
			w.limit(value, k, v)
		}
		value["description"] = told[about]
		properties[name] = value
		if strings.Contains(opts, "required") {
			*required = append(*required, name)
		}
	}
}

// limit adds a limit to what stands there itself, not to a reference.
func (w *writer) limit(value object, key string, limit any) {
	if own, ok := value["anyOf"].([]object); ok {
		own[0][key] = limit
		return
	}
	value[key] = limit
}

// reference is what may stand for any single value.
var reference = object{"type": "string", "pattern": `^file:|\$\{`}

func (w *writer) value(typ reflect.Type, key string) object {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	own := object{}
	enum, isEnum := reflect.TypeAssert[config.Enum](reflect.New(typ))
	switch {
	case typ == reflect.TypeFor[config.Elsewhere]():
		return object{}
	case typ == reflect.TypeFor[Version]():
		own = object{"type": []string{"string", "number"}, "pattern": `^v?[1-9][0-9]*\.[0-9]+$`}
	case typ == reflect.TypeFor[time.Duration]():
		own = object{"type": []string{"string", "integer"}, "pattern": `^\+?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`, "maximum": 0}
	case isEnum:
		own["enum"] = enum.Allowed()
	case typ.Kind() == reflect.Struct:
		return w.mapping(typ, key)
	case typ.Kind() == reflect.Slice:
		return object{"type": "array", "items": w.value(typ.Elem(), key)}
	case typ.Kind() == reflect.Bool:
		own["type"] = "boolean"
	case typ.Kind() == reflect.Float64:
		own["type"] = "number"
	case typ.Kind() == reflect.String:
		own["type"] = "string"
	default:
		own["type"] = "integer"
	}
	return object{"anyOf": []object{own, reference}}
}

// TestSchema compares the file with the structs.
func TestSchema(t *testing.T) {
	w := &writer{t: t, used: map[string]bool{}}
	root := w.mapping(reflect.TypeFor[File](), "")
	for key := range told {
		if !w.used[key] {
			t.Errorf("%s is told of and is no key", key)
		}
	}
	absent := []object{}
	for _, key := range oneService {
		absent = append(absent, object{"required": []string{key}})
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "evenkeel.yaml"
	root["if"] = object{"required": []string{"services"}}
	root["then"] = object{"not": object{"anyOf": absent}}
	root["else"] = object{"not": object{"required": []string{"defaults"}}}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, string(text)+"\n")
}

// The schema takes what the decoder takes, and refuses what it refuses but for
// what compares two values or counts time.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{"good": true, "policies": true, "bad": false, "beyond": true} {
		for _, f := range files(t, folder, 5) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := yaml.Unmarshal(data, &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(plain(v)); (err == nil) != want {
				t.Errorf("%s: the schema says %v", f, err)
			}
		}
	}
}

// plain turns YAML's integers into what the validator knows.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			v[k] = plain(item)
		}
	case []any:
		for i, item := range v {
			v[i] = plain(item)
		}
	case int:
		return json.Number(strconv.Itoa(v))
	}
	return v
}

// between replaces what stands between two marks of a document.
func between(t *testing.T, text, mark, with string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "<!-- "+mark+" -->\n")
	_, after, also := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !ok || !also {
		t.Fatalf("no marks for %s", mark)
	}
	return before + "<!-- " + mark + " -->\n" + with + "<!-- /" + mark + " -->" + after
}

// The guide's table has all keys.
func TestGuide(t *testing.T) {
	const guide = "../../docs/guide/policy.md"
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n| key | what |\n|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(told)) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", key, told[key])
	}
	golden(t, guide, between(t, string(text), "keys", table.String()+"\n"))
	t.Setenv("SESSION_STORE_URL", "redis://redis:6379/0")
	for i, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var f File
		if err := config.Parse(FileName, []byte(block), &f); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
	}
}
