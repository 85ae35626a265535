package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func TestWhatCannotBeReadIsANote(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	for name, c := range map[string]struct{ text, want string }{
		"syntax":    {"a: 1\nb: [", "x:2: not valid YAML"},
		"duplicate": {"a: 1\nb: 2\na: 3\n", `x:3: duplicate key "a"`},
		"bomb":      {bomb, "too much repeated"},
		"deep":      {strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "nested too deep"},
		"binary":    {"a: \x00", "not text in UTF-8"},
		"latin1":    {"a: \xe4", "not text in UTF-8"},
		"long":      {"a: 1\nb: " + strings.Repeat("x", source.MaxLineBytes+10), "x:2: a line of more than 1 MiB"},
		"template":  {"a: 1\n{{ if .Values.x }}\nb: 2\n{{ end }}\n", "x:2: a template"},
		"json":      {"{\"a\": 1,\n\"a\": 2}", `x:2: duplicate key "a"`},
	} {
		f, notes := source.Parse("x", tree.YAML, []byte(c.text))
		if f != nil || len(notes) != 1 || !notes[0].Failed {
			t.Errorf("%s: file %v, notes %v", name, f, notes)
			continue
		}
		if got := fmt.Sprintf("%s:%d: %s", notes[0].File, notes[0].Line, notes[0].Message); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	f, notes := source.Parse("x", tree.YAML, []byte("a: 1\n---\nb: [\n"))
	if f == nil || len(f.Docs) != 1 || len(notes) != 1 || notes[0].Failed {
		t.Errorf("the documents before an error are lost: %v, %v", f, notes)
	}
}
