package edit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const nastyJSON = `{
	"a": 1,
	"s": "x\"y",
	"none": null,
	"empty": {},
	"flat": {"k":1,"l":[1,2]},
	"deep": {
		"list": [
			{ "name": "web" }
		],
		"last": true
	}
}
`

func TestEditJSON(t *testing.T) {
	stop := Entry{Key: "stop", Children: []Entry{{Key: "after", Value: "5"}, {Key: "why", Value: "a\"b"}}}
	for _, c := range []editCase{
		{"number", "a", set("2"), "-\t\"a\": 1,\n+\t\"a\": 2,\n"},
		{"text in place of a number", "a", set("x"), "-\t\"a\": 1,\n+\t\"a\": \"x\",\n"},
		{"text stays text", "s", set("30"), "-\t\"s\": \"x\\\"y\",\n+\t\"s\": \"30\",\n"},
		{"null", "none", set("<1>"), "-\t\"none\": null,\n+\t\"none\": \"<1>\",\n"},
		{"into an empty object", "empty", insert(stop), "-\t\"empty\": {},\n+\t\"empty\": {\"stop\": {\"after\": 5, \"why\": \"a\\\"b\"}},\n"},
		{"into an object of one line", "flat", insert(Entry{Key: "m", Value: "true"}), "-\t\"flat\": {\"k\":1,\"l\":[1,2]},\n+\t\"flat\": {\"k\":1,\"l\":[1,2],\"m\":true},\n"},
		{"into an object", "deep", insert(stop), "-\t\t\"last\": true\n+\t\t\"last\": true,\n+\t\t\"stop\": {\n+\t\t\t\"after\": 5,\n+\t\t\t\"why\": \"a\\\"b\"\n+\t\t}\n"},
		{"into a list", "deep/list", insert(Entry{Children: []Entry{{Key: "name", Value: "x"}}}), "-\t\t\t{ \"name\": \"web\" }\n+\t\t\t{ \"name\": \"web\" },\n+\t\t\t{\n+\t\t\t\t\"name\": \"x\"\n+\t\t\t}\n"},
		{"remove", "s", Remove, "-\t\"s\": \"x\\\"y\",\n"},
		{"remove the last", "deep/last", Remove, "-\t\t],\n-\t\t\"last\": true\n+\t\t]\n"},
		{"remove in one line", "flat/l", Remove, "-\t\"flat\": {\"k\":1,\"l\":[1,2]},\n+\t\"flat\": {\"k\":1},\n"},
	} {
		c.run(t, tree.JSON, nastyJSON)
		c.run(t, tree.JSON, strings.TrimRight(nastyJSON, "\n"))
		c.run(t, tree.JSON, strings.ReplaceAll(nastyJSON, "\n", "\r\n"))
	}
}

func TestEditProperties(t *testing.T) {
	const text = "# head\nserver.shutdown = graceful\nserver.port: 80\nlong = a \\\n  b\n# tail\n"
	for _, c := range []editCase{
		{"value", "server.shutdown", set(` a\b`), "-server.shutdown = graceful\n+server.shutdown = \\ a\\\\b\n"},
		{"several lines", "long", set("a"), "nil"},
		{"insert", "", insert(Entry{Key: "x.y", Value: "30s"}), "+x.y = 30s\n"},
		{"remove", "server.port", Remove, "-server.port: 80\n"},
	} {
		c.run(t, tree.Properties, text)
		c.run(t, tree.Properties, strings.ReplaceAll(text, "\n", "\r\n"))
	}
}

func TestEditHCL(t *testing.T) {
	const text = `# head
variable "n" { default = 3 }
resource "aws_lb_target_group" "shop" {
  name                 = "shop" // name
  port                 = 80
  deregistration_delay = var.n
  tags = { a = "b", "c" = 2 }

  health_check {
    interval = 10 # s
    text     = <<-EOT
      a
    EOT
  }

  stickiness {}
  # tail
}
`
	for _, c := range []editCase{
		{"number", "resource/port", set("81"), "-  port                 = 80\n+  port                 = 81\n"},
		{"text", "resource/name", set("a\"${b"), "-  name                 = \"shop\" // name\n+  name                 = \"a\\\"$${b\" // name\n"},
		{"an expression", "resource/deregistration_delay", set("1"), "nil"},
		{"into a block", "resource", insert(Entry{Key: "x", Value: "1"}), "+  x = 1\n"},
		{"into a block with aligned names", "resource/health_check", insert(Entry{Key: "path", Value: "/readyz"}), "+    path     = \"/readyz\"\n"},
		{"a block", "resource/health_check", insert(Entry{Key: "b", Children: []Entry{{Key: "c", Value: "true"}, {Key: "long", Value: "x"}}}), "+    b {\n+      c    = true\n+      long = \"x\"\n+    }\n"},
		{"into an empty block", "resource/stickiness", insert(Entry{Key: "type", Value: "lb_cookie"}), "-  stickiness {}\n+  stickiness {\n+    type = \"lb_cookie\"\n+  }\n"},
		{"into an object", "resource/tags", insert(Entry{Key: "d", Value: "e"}), "-  tags = { a = \"b\", \"c\" = 2 }\n+  tags = { a = \"b\", \"c\" = 2, d = \"e\" }\n"},
		{"into a block of one line", "variable", insert(Entry{Key: "d", Value: "e"}), "nil"},
		{"remove", "resource/name", Remove, "-  name                 = \"shop\" // name\n"},
		{"remove a block", "resource/stickiness", Remove, "-  stickiness {}\n"},
	} {
		c.run(t, tree.HCL, text)
		c.run(t, tree.HCL, strings.ReplaceAll(text, "\n", "\r\n"))
	}
}

func TestEditUnit(t *testing.T) {
	const text = "# head\n[Unit]\nDescription=shop\n\n[Service]\nExecStart=/bin/a \\\n  -b\nTimeoutStopSec=10\n# tail\n\n[Install]\nWantedBy=x\n"
	for _, c := range []editCase{
		{"value", "Service/TimeoutStopSec", set("50s"), "-TimeoutStopSec=10\n+TimeoutStopSec=50s\n"},
		{"several lines", "Service/ExecStart", set("a"), "nil"},
		{"insert", "Service", insert(Entry{Key: "KillMode", Value: "mixed"}), "+KillMode=mixed\n"},
		{"insert after one line", "Unit", insert(Entry{Key: "After", Value: "network.target"}), "+After=network.target\n"},
		{"remove", "Service/TimeoutStopSec", Remove, "-TimeoutStopSec=10\n"},
	} {
		c.run(t, tree.Unit, text)
		c.run(t, tree.Unit, strings.ReplaceAll(text, "\n", "\r\n"))
		c.run(t, tree.Unit, strings.TrimRight(text, "\n"))
	}
}

func TestEditDockerfile(t *testing.T) {
	f, notes := source.Parse("Dockerfile", tree.Dockerfile, []byte("FROM a:1 AS b\nSTOPSIGNAL SIGKILL # no comment\nSTOPSIGNAL SIGINT\nCMD [\"a\", \"b\"]\n"))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	set := 0
	for _, n := range f.Docs[0].Root.Items[0].Items {
		if n.Key != "STOPSIGNAL" || n.Value != "SIGINT" {
			continue
		}
		set++
		out, err := Apply(f, Set(n, "SIGTERM"))
		if err != nil || changed(string(f.Data), string(out)) != "-STOPSIGNAL SIGINT\n+STOPSIGNAL SIGTERM\n" {
			t.Errorf("%q, %v", out, err)
		}
		if Insert(n.Parent, Entry{Key: "CMD", Value: "x"}) != nil || Remove(n) != nil {
			t.Error("a Dockerfile is more than set")
		}
	}
	if set != 1 {
		t.Errorf("%d nodes set, want 1", set)
	}
}

type editCase struct {
	name, path string
	edit       func(*tree.Node) []Edit
	want       string
}

func (c editCase) run(t *testing.T, format tree.Format, text string) {
	t.Helper()
	got := edited(t, format, text, 0, c.path, c.edit)
	if strings.Contains(text, "\r\n") && strings.Contains(strings.ReplaceAll(got, "\r\n", ""), "\n") {
		t.Errorf("%s: mixed line ends in %q", c.name, got)
	}
	if diff := cmp.Diff(c.want, strings.ReplaceAll(got, "\r", "")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", c.name, diff)
	}
}
