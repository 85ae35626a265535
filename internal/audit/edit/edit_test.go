package edit

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// at follows a path of names and [n].
func at(t *testing.T, f *tree.File, doc int, path ...string) *tree.Node {
	t.Helper()
	n := f.Docs[doc].Root
	for _, key := range path {
		if key[0] == '#' {
			n = n.Items[int(key[1]-'0')]
			continue
		}
		n = n.Get(key)
	}
	if n == nil {
		t.Fatalf("nothing at %v", path)
	}
	return n
}

// changed are the lines that b has in place of others of a, in their order.
func changed(a, b string) string {
	x, y := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	var out strings.Builder
	for _, line := range x {
		out.WriteString("-" + strings.TrimSuffix(line, "\n") + "\n")
	}
	for _, line := range y {
		out.WriteString("+" + strings.TrimSuffix(line, "\n") + "\n")
	}
	return out.String()
}

const nasty = `# head
kind: Deployment   # what
metadata: {name: shop, labels: {a: "b"}}   # flow
spec:
  replicas:    3 # three
  text: &t it
  again: *t
  template:
    spec:
      terminationGracePeriodSeconds: 30
      containers:
      - name: 'shop''s'
        args: [ "a, {b", c ]
        command:
          - sh
          - -c
          - |
            # not a comment
            sleep 5
            # nor this
        # a comment of the container
      - {name: side, image: x}   # flow
      # a comment of the list

      # another
    # of template
  empty: {}
  none: # nothing
  big: "ünïcode \" quote"
  # of spec
---
a: &x
  b: 1
  c: [1,2]
d: *x
e:
  <<: *x
  f: 2
---
- one
-   two: 2
    three: 3
`

func TestEditYAML(t *testing.T) {
	for _, c := range []struct {
		name string
		doc  int
		path string
		edit func(*tree.Node) []Edit
		want string
	}{
		{"number with a comment", 0, "spec/replicas", set("5"), "-  replicas:    3 # three\n+  replicas:    5 # three\n"},
		{"text in place of a number", 0, "spec/replicas", set("25%"), "-  replicas:    3 # three\n+  replicas:    25% # three\n"},
		{"single quotes", 0, "spec/template/spec/containers/#0/name", set("bob's"), "-      - name: 'shop''s'\n+      - name: 'bob''s'\n"},
		{"double quotes", 0, "spec/big", set(`a\"ö`), "-  big: \"ünïcode \\\" quote\"\n+  big: \"a\\\\\\\"ö\"\n"},
		{"text that would be a number", 0, "kind", set("30"), "-kind: Deployment   # what\n+kind: \"30\"   # what\n"},
		{"text with a colon", 0, "kind", set("a: b"), "-kind: Deployment   # what\n+kind: \"a: b\"   # what\n"},
		{"in flow", 0, "metadata/name", set("a,b"), "-metadata: {name: shop, labels: {a: \"b\"}}   # flow\n+metadata: {name: \"a,b\", labels: {a: \"b\"}}   # flow\n"},
		{"no value", 0, "spec/none", set("1"), "-  none: # nothing\n+  none: 1 # nothing\n"},
		{"an alias", 0, "spec/again", set("1"), "nil"},
		{"an anchor", 0, "spec/text", set("1"), "nil"},
		{"through an alias", 1, "d/b", set("2"), "nil"},
		{"what others repeat", 1, "a/b", set("2"), "the change would change more than it means to"},
		{"merged", 1, "e/b", set("2"), "nil"},
		{"several lines", 0, "spec/template/spec/containers/#0/command/#2", set("2"), "nil"},
		{"a new line", 0, "spec/replicas", set("2\n3"), "nil"},

		{"after nested blocks, before comments", 0, "spec/template/spec", insert(Entry{Key: "x", Value: "1"}), "+      x: 1\n"},
		{"after a text", 0, "spec/template/spec/containers/#0", insert(Entry{Key: "lifecycle", Children: []Entry{{Key: "preStop", Children: []Entry{{Key: "sleep", Children: []Entry{{Key: "seconds", Value: "5"}}}}}}}), "+        lifecycle:\n+          preStop:\n+            sleep:\n+              seconds: 5\n"},
		{"a list", 0, "spec/template/spec/containers/#0", insert(Entry{Key: "env", Item: true, Children: []Entry{{Children: []Entry{{Key: "name", Value: "A"}, {Key: "value", Value: "1", Text: true}}}}}), "+        env:\n+        - name: A\n+          value: \"1\"\n"},
		{"into an empty map", 0, "spec/empty", insert(Entry{Key: "a", Children: []Entry{{Key: "b", Value: "c"}}}), "-  empty: {}\n+  empty: {a: {b: c}}\n"},
		{"into flow", 0, "metadata/labels", insert(Entry{Key: "c", Value: "true", Text: true}), "-metadata: {name: shop, labels: {a: \"b\"}}   # flow\n+metadata: {name: shop, labels: {a: \"b\", c: \"true\"}}   # flow\n"},
		{"into flow after flow", 0, "metadata", insert(Entry{Key: "c", Value: "d"}), "-metadata: {name: shop, labels: {a: \"b\"}}   # flow\n+metadata: {name: shop, labels: {a: \"b\"}, c: d}   # flow\n"},
		{"into a flow list", 0, "spec/template/spec/containers/#0/args", insert(Entry{Value: "d"}), "-        args: [ \"a, {b\", c ]\n+        args: [ \"a, {b\", c, d ]\n"},
		{"under a name", 0, "spec/none", insert(Entry{Key: "a", Value: "b"}), "+    a: b\n"},
		{"an item", 0, "spec/template/spec/containers", insert(Entry{Children: []Entry{{Key: "name", Value: "c"}, {Key: "image", Value: "d"}}}), "+      - name: c\n+        image: d\n"},
		{"into the root", 0, "", insert(Entry{Key: "z", Value: "1"}), "+z: 1\n"},
		{"into an item with a wide dash", 2, "#1", insert(Entry{Key: "z", Value: "1"}), "+    z: 1\n"},
		{"what is there", 0, "spec", insert(Entry{Key: "replicas", Value: "1"}), "nil"},
		{"through an alias", 1, "d", insert(Entry{Key: "z", Value: "1"}), "nil"},
		{"beside a merge", 1, "e", insert(Entry{Key: "z", Value: "1"}), "+  z: 1\n"},
		{"into what others repeat", 1, "a", insert(Entry{Key: "z", Value: "1"}), "the change would change more than it means to"},

		{"remove a line", 0, "spec/replicas", Remove, "-  replicas:    3 # three\n"},
		{"remove a block", 0, "spec/template/spec/containers/#0/command", Remove, "-        command:\n-          - sh\n-          - -c\n-          - |\n-            # not a comment\n-            sleep 5\n-            # nor this\n"},
		{"remove behind a dash", 2, "#1/two", Remove, "--   two: 2\n-    three: 3\n+-   three: 3\n"},
		{"remove an item", 0, "spec/template/spec/containers/#1", Remove, "-      - {name: side, image: x}   # flow\n"},
		{"remove in flow", 0, "metadata/name", Remove, "-metadata: {name: shop, labels: {a: \"b\"}}   # flow\n+metadata: {labels: {a: \"b\"}}   # flow\n"},
		{"remove the last in flow, and what is left empty", 0, "metadata/labels/a", Remove, "-metadata: {name: shop, labels: {a: \"b\"}}   # flow\n+metadata: {name: shop}   # flow\n"},
		{"remove what others repeat", 1, "a/b", Remove, "the change would change more than it means to"},
	} {
		for _, eol := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll(nasty, "\n", eol)
			for _, text := range []string{text, strings.TrimRight(text, "\r\n")} {
				got := edited(t, tree.YAML, text, c.doc, c.path, c.edit)
				if strings.HasSuffix(text, "\r\n") && strings.Contains(got, "\n") && strings.Contains(strings.ReplaceAll(got, "\r\n", ""), "\n") {
					t.Errorf("%s: mixed line ends in %q", c.name, got)
				}
				got = strings.ReplaceAll(got, "\r", "")
				if c.doc == 2 && !strings.HasSuffix(text, "\n") && strings.HasPrefix(c.want, "+") {
					got = strings.TrimPrefix(got, "-    three: 3\n+    three: 3\n")
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s, line ends %q (-want +got):\n%s", c.name, eol, diff)
				}
			}
		}
	}
}

func set(value string) func(*tree.Node) []Edit {
	return func(n *tree.Node) []Edit { return Set(n, value) }
}
func insert(e Entry) func(*tree.Node) []Edit {
	return func(n *tree.Node) []Edit { return Insert(n, e) }
}

// edited is what an edit changes of text: "nil" for no edit, or the error.
func edited(t *testing.T, format tree.Format, text string, doc int, path string, edit func(*tree.Node) []Edit) string {
	t.Helper()
	f, notes := source.Parse("x", format, []byte(text))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	var keys []string
	if path != "" {
		keys = strings.Split(path, "/")
	}
	edits := edit(at(t, f, doc, keys...))
	if edits == nil {
		return "nil"
	}
	out, err := Apply(f, edits)
	if err != nil {
		return err.Error()
	}
	return changed(text, string(out))
}

func TestApplyRefuses(t *testing.T) {
	f, _ := source.Parse("x", tree.YAML, []byte("a: 1\nb: 2\n"))
	a := f.Docs[0].Root.Get("a")
	if _, err := Apply(f, append(Set(a, "2"), Set(a, "3")...)); !errors.Is(err, ErrOverlap) {
		t.Errorf("two values for one place: %v", err)
	}
	if _, err := Apply(f, []Edit{{File: f, Start: 3, End: 4, Text: "2"}}); err == nil {
		t.Error("an edit without a meaning was made")
	}
	planted := Set(a, "2")[0]
	planted.Text = "2\nc: 3"
	if _, err := Apply(f, []Edit{planted}); err == nil {
		t.Error("an edit that does more than it means was made")
	}
	out, err := Apply(f, append(Set(a, "2"), Set(a, "2")...))
	if err != nil || string(out) != "a: 2\nb: 2\n" {
		t.Errorf("the same edit twice: %q, %v", out, err)
	}
	derived, _ := source.Parse("x", tree.YAML, []byte("a: 1\n"))
	derived.Derived = "kustomize"
	if Set(derived.Docs[0].Root.Get("a"), "2") != nil {
		t.Error("what another program made was changed")
	}
}
