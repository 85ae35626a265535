package evenkeel

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/evenkeel/evenkeel"

// A rule says what the non-test files of a package, and of those below it,
// may import. The longest matching path wins; a folder without a rule is a
// violation, so that the tree and this table cannot drift apart.
type rule struct {
	pkg      string   // folder from the root of the repository
	own      []string // packages of this repository, "x/..." with those below
	external []string // modules of others, nil is the standard library only
}

var policy = []rule{
	{pkg: "session"},
	{pkg: "session/memstore", own: []string{"session"}},
	{pkg: "session/sessiontest", own: []string{"session", "session/memstore"}},
	{pkg: "session/sqlitestore", own: []string{"session"}, external: []string{"modernc.org/sqlite", "golang.org/x/sys"}},
	{pkg: "session/redisstore", own: []string{"session", "session/redisstore/..."}, external: []string{"github.com/redis/rueidis"}},
	{pkg: "session/cbor", external: []string{"github.com/fxamacker/cbor/v2"}},
	{pkg: "session/elasticache", external: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	{pkg: "drain"},
	{pkg: "drain/handover"},
	{pkg: "drain/grpcdrain", own: []string{"drain"}, external: []string{"google.golang.org/grpc"}},
	{pkg: "probe"},

	{pkg: "internal/config", external: []string{"go.yaml.in/yaml/v3"}},
	{pkg: "internal/target"},
	{pkg: "internal/upstream", external: []string{"golang.org/x/sys"}},
	{pkg: "internal/limit"},
	{pkg: "internal/relay"},
	{pkg: "internal/streams"},
	{pkg: "internal/runner", own: []string{"drain/...", "internal/limit", "internal/platform/...", "internal/relay", "internal/streams", "internal/upstream"}, external: []string{"golang.org/x/sys"}},
	{pkg: "internal/platform", own: []string{"drain", "internal/platform/..."}},
	{pkg: "internal/gateway/affinity", own: []string{"internal/target"}},
	{pkg: "internal/gateway/balance", own: []string{"internal/target"}},
	{pkg: "internal/gateway/health", own: []string{"internal/target"}},
	{pkg: "internal/gateway", own: []string{"internal/config", "internal/policy", "internal/limit", "internal/relay", "internal/streams", "internal/target", "internal/upstream", "internal/gateway/..."}},
	{pkg: "internal/policy", own: []string{"drain", "internal/config"}, external: []string{"go.yaml.in/yaml/v3"}},
	{pkg: "internal/audit/tree"},
	{pkg: "internal/audit/source/yaml", own: []string{"internal/audit/tree"}, external: []string{"go.yaml.in/yaml/v3"}},
	{pkg: "internal/audit/source/hcl", own: []string{"internal/audit/tree", "internal/audit/source/yaml"}, external: []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}},
	{pkg: "internal/audit/source/cloudformation", own: []string{"internal/audit/tree"}},
	{pkg: "internal/audit/source/java", own: []string{"internal/audit/tree"}},
	{pkg: "internal/audit/source/dockerfile", own: []string{"internal/audit/tree"}},
	{pkg: "internal/audit/source/kustomize", own: []string{"internal/audit/tree", "internal/audit/source/yaml"}, external: []string{"sigs.k8s.io/kustomize"}},
	{pkg: "internal/audit/source/sourcetest", own: []string{"internal/audit/tree", "internal/audit/source"}},
	{pkg: "internal/audit/source", own: []string{"internal/audit/tree", "internal/audit/source/..."}},
	{pkg: "internal/audit/edit", own: []string{"internal/audit/tree", "internal/audit/source", "internal/audit/source/yaml"}, external: []string{"go.yaml.in/yaml/v3"}},
	{pkg: "internal/audit/model/value", own: []string{"internal/audit/tree"}},
	{pkg: "internal/audit/model/route", own: []string{"internal/audit/tree", "internal/policy"}},
	{pkg: "internal/audit/model/session", own: []string{"internal/audit/tree", "internal/audit/model/value"}},
	{pkg: "internal/audit/model/image", own: []string{"internal/audit/tree", "internal/audit/model/value"}},
	{pkg: "internal/audit/model/unit", own: []string{"internal/audit/tree", "internal/audit/model/value", "internal/audit/model/image"}},
	{pkg: "internal/audit/model/resource", own: []string{"internal/audit/tree"}},
	{pkg: "internal/audit/model/kube", own: []string{"internal/audit/tree", "internal/audit/model/value", "internal/audit/model/image", "internal/audit/model/route"}},
	{pkg: "internal/audit/model/aws", own: []string{"internal/audit/tree", "internal/audit/source", "internal/audit/model/value", "internal/audit/model/image", "internal/audit/model/resource"}},
	{pkg: "internal/audit/model/spring", own: []string{"internal/audit/tree", "internal/audit/source", "internal/policy", "internal/audit/model/value", "internal/audit/model/session", "internal/audit/model/unit", "internal/audit/model/kube", "internal/audit/model/aws"}},
	{pkg: "internal/audit/model", own: []string{"internal/audit/tree", "internal/audit/model/...", "internal/policy"}},
	{pkg: "internal/audit/rule", own: []string{"internal/audit/model", "internal/audit/tree", "internal/audit/edit"}},
	{pkg: "internal/audit/rules/shellscript", own: []string{"internal/audit/model/image"}},
	{pkg: "internal/audit/rules/workload", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/shellscript"}},
	{pkg: "internal/audit/rules/rollout", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/workload"}},
	{pkg: "internal/audit/rules/ingress", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/workload"}},
	{pkg: "internal/audit/rules/boot", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy"}},
	{pkg: "internal/audit/rules/ecs", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/boot", "internal/audit/rules/shellscript"}},
	{pkg: "internal/audit/rules/host", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/shellscript"}},
	{pkg: "internal/audit/rules/store", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/ecs"}},
	{pkg: "internal/audit/rules/budget", own: []string{"internal/audit/rule", "internal/audit/model/...", "internal/audit/tree", "internal/audit/edit", "internal/policy", "internal/audit/rules/workload", "internal/audit/rules/ecs"}},
	{pkg: "internal/audit/rules", own: []string{"internal/audit/rule", "internal/audit/rules/..."}},
	{pkg: "internal/audit/report", own: []string{"internal/audit/..."}, external: []string{"github.com/owenrumney/go-sarif/v3"}},
	{pkg: "internal/audit", own: []string{"internal/audit/...", "internal/policy"}},
	{pkg: "internal/render", own: []string{"internal/config", "internal/policy"}, external: []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty"}},
	{pkg: "internal/drill/history"},
	{pkg: "internal/drill/check", own: []string{"internal/drill/history"}},
	{pkg: "internal/drill/report", own: []string{"internal/drill/history", "internal/drill/check"}},
	{pkg: "internal/drill/engine", own: []string{"internal/drill/history"}},
	{pkg: "internal/drill/fleet", own: []string{"internal/drill/history"}, external: []string{"golang.org/x/sys"}},
	{pkg: "internal/drill/markup"},
	{pkg: "internal/drill/screen", external: []string{"golang.org/x/term"}},
	{pkg: "internal/drill/journey", own: []string{"internal/config", "internal/drill/check", "internal/drill/engine", "internal/drill/history", "internal/drill/markup"}},
	{pkg: "internal/drill/plan", own: []string{"internal/config", "internal/drill/check", "internal/drill/engine", "internal/drill/journey", "internal/drill/markup"}},
	{pkg: "internal/drill/record", own: []string{"internal/drill/check", "internal/drill/engine", "internal/drill/history", "internal/drill/report"}},
	{pkg: "internal/drill", own: []string{"internal/config", "internal/drill/..."}},
	{pkg: "internal/metrics", own: []string{"drain", "session", "session/redisstore"}, external: []string{"github.com/prometheus/client_golang"}},
	{pkg: "internal/sessions", own: []string{"session", "session/redisstore"}},
	{pkg: "internal/demo/shop", own: []string{"session", "session/redisstore", "session/sqlitestore", "internal/metrics", "drain", "probe"}, external: []string{"modernc.org/sqlite"}},
	{pkg: "internal/demo", own: []string{"session/...", "internal/demo/...", "internal/gateway/...", "internal/target", "internal/drill/...", "internal/ui"}, external: []string{"golang.org/x/term", "golang.org/x/sys"}},
	{pkg: "internal/ui"},
	{pkg: "internal/proctest", external: []string{"golang.org/x/sys"}},
	{pkg: "internal/redistest", own: []string{"internal/proctest"}},
	{pkg: "cmd", own: []string{"..."}, external: []string{"github.com/rogpeppe/go-internal/diff", "github.com/spf13/cobra", "golang.org/x/term"}},
	{pkg: ""}, // the map
}

// skipped folders hold no code that ships: modules of tools and side-by-side
// measurements, and test data.
var skipped = []string{".git", ".bin", "tools", "bench", "interop", "testdata", "docs", "examples"}

func TestImportPolicy(t *testing.T) {
	files, err := imports(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("found only %d Go files: is this the root of the repository?", len(files))
	}
	for _, v := range violations(files) {
		t.Error(v)
	}
}

// A policy that has never refused anything is untested.
func TestImportPolicyCatchesPlantedViolations(t *testing.T) {
	own := func(p string) string { return module + "/" + p }
	for file, imp := range map[string]string{
		"session/x.go":               "github.com/google/uuid",
		"session/y.go":               own("drain"),
		"session/memstore/x.go":      own("session/sqlitestore"),
		"drain/x.go":                 own("session"),
		"probe/x.go":                 own("session"),
		"internal/gateway/x.go":      own("session"),
		"internal/gateway/y.go":      own("session/sqlitestore"),
		"internal/drill/engine/x.go": own("internal/upstream"),
		"internal/drill/x.go":        own("internal/gateway"),
		"internal/drill/check/x.go":  "github.com/anishathalye/porcupine",
		"internal/upstream/x.go":     own("internal/gateway"),
		"internal/audit/rules/x.go":  own("internal/config"),
		"internal/audit/rule/x.go":   own("internal/audit/source"),
		"internal/audit/model/x.go":  own("internal/audit/rules"),

		"internal/audit/rules/host/x.go": own("internal/audit/source"),
		"internal/audit/rules/boot/x.go": own("internal/audit/rules/ecs"),
		"internal/audit/model/kube/x.go": own("internal/audit/model"),
		"internal/audit/tree/x.go":       own("internal/audit/source"),
		"internal/audit/source/x.go":     "github.com/hashicorp/hcl/v2",
		"internal/demo/x.go":             own("cmd/evenkeel"),
		"internal/unheard/x.go":          own("session"),
	} {
		if got := violations(map[string][]string{file: {"net/http", imp}}); len(got) != 1 {
			t.Errorf("%s importing %s: %d violations, want 1: %v", file, imp, len(got), got)
		}
	}
	clean := map[string][]string{
		"cmd/evenkeel/x.go":          {own("internal/demo"), "github.com/spf13/cobra", own("session/sqlitestore")},
		"internal/gateway/x.go":      {own("internal/upstream"), own("internal/gateway/affinity")},
		"session/memstore/x.go":      {own("session"), "crypto/subtle"},
		"internal/drill/check/x.go":  {own("internal/drill/history")},
		"session/sqlitestore/x.go":   {own("session"), "modernc.org/sqlite/lib"},
		"internal/drill/engine/x.go": {own("internal/drill/history")},
	}
	if got := violations(clean); len(got) != 0 {
		t.Errorf("control: want no violation, got %v", got)
	}
}

// TestFewRequirements keeps the modules that services import small.
func TestFewRequirements(t *testing.T) {
	for file, most := range map[string]int{"session/go.mod": 0, "drain/go.mod": 0, "session/sqlitestore/go.mod": 14, "session/redisstore/go.mod": 6} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := requirements(string(b)); n > most {
			t.Errorf("%s has %d requirements, at most %d wanted", file, n, most)
		}
	}
	const three = "module m\nrequire a.b/c v1.0.0\nrequire (\n\td.e/f v1.0.0 // indirect\n\tg.h/i v1.0.0\n)\n"
	if n := requirements(three); n != 3 {
		t.Errorf("the count itself: %d, want 3", n)
	}
}

var requirement = regexp.MustCompile(`(?m)^(?:require\s+|\t)([\w.-]+\.[\w.-]+/\S+) v\S+(?: // indirect)?$`)

func requirements(mod string) int { return len(requirement.FindAllString(mod, -1)) }

// Every direct dependency has a line that says why it is there.
func TestDependenciesAreExplained(t *testing.T) {
	doc, err := os.ReadFile("docs/reference/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"go.mod", "session/go.mod", "session/sqlitestore/go.mod", "session/redisstore/go.mod", "session/cbor/go.mod", "session/elasticache/go.mod", "drain/go.mod", "drain/grpcdrain/go.mod"} {
		mod, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range requirement.FindAllStringSubmatch(string(mod), -1) {
			own := strings.HasPrefix(m[1], module)
			if !own && !strings.HasSuffix(m[0], "// indirect") && !strings.Contains(string(doc), m[1]) {
				t.Errorf("%s requires %s, which docs/reference/dependencies.md does not explain", file, m[1])
			}
		}
	}
}

// imports maps each non-test Go file below root to what it imports.
func imports(root string) (map[string][]string, error) {
	files := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skipped, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(path)] = nil
		for _, s := range f.Imports {
			imp, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(path)] = append(files[filepath.ToSlash(path)], imp)
		}
		return nil
	})
	return files, err
}

func violations(files map[string][]string) []string {
	var out []string
	for file, imps := range files {
		dir := strings.TrimSuffix(file[:strings.LastIndex(file, "/")+1], "/")
		r, ok := ruleOf(dir)
		if !ok {
			out = append(out, fmt.Sprintf("%s: no rule for this folder in deps_test.go", file))
			continue
		}
		for _, imp := range imps {
			if !r.allows(dir, imp) {
				out = append(out, fmt.Sprintf("%s imports %s, which the policy for %q does not allow", file, imp, r.pkg))
			}
		}
	}
	slices.Sort(out)
	return out
}

// ruleOf finds the rule with the longest path that is dir or above it.
func ruleOf(dir string) (rule, bool) {
	best, found := rule{}, false
	for _, r := range policy {
		if (dir == r.pkg || r.pkg != "" && strings.HasPrefix(dir, r.pkg+"/")) && (!found || len(r.pkg) > len(best.pkg)) {
			best, found = r, true
		}
	}
	return best, found
}

func (r rule) allows(dir, imp string) bool {
	if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
		return rest == r.pkg || strings.HasPrefix(rest, dir+"/internal/") ||
			slices.ContainsFunc(r.own, func(p string) bool { return covers(p, rest) })
	}
	if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
		return true // standard library
	}
	return slices.ContainsFunc(r.external, func(p string) bool { return covers(p+"/...", imp) })
}

// covers tells whether pattern "a/b" or "a/b/..." names path.
func covers(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern
}
