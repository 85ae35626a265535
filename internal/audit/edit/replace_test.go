package edit

import (
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func TestReplace(t *testing.T) {
	sleep := Entry{Key: "sleep", OneLine: true, Children: []Entry{{Key: "seconds", Value: "5"}}}
	for _, c := range []struct {
		name, in, want string
		format         tree.Format
	}{
		{"block", "preStop:\n  exec:\n    command:\n      - sh\n      - -c\n  # after\nnext: 1\n", "preStop:\n  sleep: {seconds: 5}\n  # after\nnext: 1\n", tree.YAML},
		{"block with CRLF", "preStop:\r\n  exec:\r\n    command: [a]\r\nnext: 1\r\n", "preStop:\r\n  sleep: {seconds: 5}\r\nnext: 1\r\n", tree.YAML},
		{"braces", "preStop: {exec: {command: [sh, -c]}} # note\n", "preStop: {sleep: {seconds: 5}} # note\n", tree.YAML},
		{"behind a sibling", "preStop: {a: 1, exec: {command: [sh, -c]}, b: 2}\n", "preStop: {a: 1, sleep: {seconds: 5}, b: 2}\n", tree.YAML},
		{"at the end", "preStop:\n  exec: {command: [a]}", "preStop:\n  sleep: {seconds: 5}", tree.YAML},
		{"JSON", "{\"preStop\": {\n \"exec\": {\"command\": [\"a\"]}}}", "{\"preStop\": {\n \"sleep\": {\"seconds\": 5}}}", tree.JSON},
		{"a comment within", "preStop:\n  exec: # why\n    command: [a]\n", "", tree.YAML},
		{"an alias", "x: &x {exec: {command: [a]}}\npreStop: *x\n", "", tree.YAML},
		{"a name that is there", "preStop: {exec: {command: [a]}, sleep: {seconds: 1}}\n", "", tree.YAML},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, notes := source.Parse("x", c.format, []byte(c.in))
			if len(notes) > 0 {
				t.Fatal(notes)
			}
			edits := Replace(f.Docs[0].Root.Get("preStop", "exec"), sleep)
			if c.want == "" {
				if edits != nil {
					t.Fatalf("replaced: %+v", edits)
				}
				return
			}
			out, err := Apply(f, edits)
			if err != nil || string(out) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, out, c.want)
			}
		})
	}
}

func TestInsertOneLine(t *testing.T) {
	e := Entry{Key: "lifecycle", OneLine: true, Children: []Entry{{Key: "preStop", Children: []Entry{
		{Key: "exec", Children: []Entry{{Key: "command", Item: true, Children: []Entry{{Value: "sleep"}, {Value: "5", Text: true}}}}}}}}}
	for _, c := range []struct {
		in, want string
		format   tree.Format
	}{
		{"c:\n  name: a\n", "c:\n  name: a\n  lifecycle: {preStop: {exec: {command: [sleep, \"5\"]}}}\n", tree.YAML},
		{"{\n  \"c\": {\n    \"name\": \"a\"\n  }\n}\n",
			"{\n  \"c\": {\n    \"name\": \"a\",\n    \"lifecycle\": {\"preStop\": {\"exec\": {\"command\": [\"sleep\", \"5\"]}}}\n  }\n}\n", tree.JSON},
	} {
		f, notes := source.Parse("x", c.format, []byte(c.in))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		out, err := Apply(f, Insert(f.Docs[0].Root.Get("c"), e))
		if err != nil || string(out) != c.want {
			t.Errorf("%v\n%s\nwant\n%s", err, out, c.want)
		}
	}
}
