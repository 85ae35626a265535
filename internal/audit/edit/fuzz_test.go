package edit

import (
	"errors"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{nasty, "a: &a [*a]", "?", "\r0:", "&0: {}", "a: &a {b: 1}\nc: {<<: *a}", "? a\n: b", "- - a\n  -   b: |+\n\n      c\n\n", "a: !!binary x", "\t", "a:\r\n- b\r\n", "\"a\": 'b''c' # d", "{a: [b, {c: d}], e: *f}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzEdits(t, tree.YAML, text) })
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{nastyJSON, "[]", "{\"a\": {}} {\"b\": [1e99, null]}", "[[[[[[", "{\"a\":\"\\u0000\"}", "1 2 3", "{\"a\" : 1 , \"b\":\n[ ]\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzzEdits(t, tree.JSON, text) })
}

// fuzzEdits reads text, and makes one edit of each kind at every node: none
// panics, and what Apply makes reads as the edit means, which Apply checks.
func fuzzEdits(t *testing.T, format tree.Format, text string) {
	file, notes := source.Parse("x", format, []byte(text))
	for _, n := range notes {
		if n.Message == "" || n.Line < 0 || n.Line > strings.Count(text, "\n")+2 {
			t.Errorf("note %d: %q", n.Line, n.Message)
		}
	}
	if file == nil || len(notes) > 0 {
		return
	}
	sourcetest.Inside(t, file)
	budget := 40 // each edit parses the file again
	for _, d := range file.Docs {
		fuzzNode(t, file, d.Root, &budget)
	}
}

func fuzzNode(t *testing.T, file *tree.File, n *tree.Node, budget *int) {
	t.Helper()
	for _, edits := range [][]Edit{Set(n, "a: b"), Set(n, "30"), Insert(n, Entry{Key: "zz", Children: []Entry{{Key: "y", Value: "1", Text: true}}}), Insert(n, Entry{Value: "true"}), Remove(n)} {
		if len(edits) == 0 || *budget <= 0 {
			continue
		}
		*budget--
		if _, err := Apply(file, edits); err != nil && errors.Is(err, ErrOverlap) {
			t.Errorf("%s: one edit overlaps itself", n.Path())
		}
	}
	for _, c := range n.Items {
		fuzzNode(t, file, c, budget)
	}
}
