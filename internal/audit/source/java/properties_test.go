package java_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Expected values are those that java.util.Properties gives.
func TestProperties(t *testing.T) {
	f, notes := source.Parse("application.properties", tree.Properties, []byte("# c\n! c\r\nserver.shutdown=graceful\n"+
		"  a : b c  \nspaced value of it\nempty=\nonly\nlong=one,\\\n   two\nk\\:1\\ x=v\\u00e9\\t\\=\n"+
		"r=\\ud83d\\ude00\n#---\nspring.config.activate.on-profile=prod\nserver.shutdown=immediate"))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	want := []string{
		"3:17 server.shutdown=graceful [graceful]",
		"4:7 a=b c   [b c  ]",
		"5:8 spaced=value of it [value of it]",
		"6:7 empty= []",
		"7:5 only= []",
		"8:6 long=one,two [-]",
		`10:9 k:1 x=vé	= [v\u00e9\t\=]`,
		"11:3 r=😀 [\\ud83d\\ude00]",
		"---",
		"13:35 spring.config.activate.on-profile=prod [prod]",
		"14:17 server.shutdown=immediate [immediate]",
	}
	if d := cmp.Diff(want, sourcetest.Lines(f)); d != "" {
		t.Error(d)
	}
}

// Expected numbers are those that Spring Boot 3.5.7 loads.
func TestPropertiesSeparators(t *testing.T) {
	for text, docs := range map[string]int{
		"a=1\n#---\nb=2\n":         2,
		"a=1\n!---\nb=2\n":         2,
		"a=1\n #---\nb=2\n":        1,
		"a=1\n#----\nb=2\n":        1,
		"a=1\n# x\n#---\nb=2\n":    1,
		"a=1\n#---\n# x\nb=2\n":    1,
		"#---\na=1\n#---\n#---\n":  1,
		"a=1\r\n#---\r\nb=2\r\n":   2,
		"a=1\n#---  \nb=2\n#---\n": 2,
		"a=1\n! x\n#---\nb=2\n":    2,
		"a=1\n#---\n\n# x\nb=2\n":  1,
		"a=1\n# x\n\n#---\nb=2\n":  2,
		"a=1\n#---x\nb=2\n":        1,
	} {
		f, notes := source.Parse("application.properties", tree.Properties, []byte(text))
		if len(notes) > 0 || len(f.Docs) != docs {
			t.Errorf("%q: %d documents, want %d %v", text, len(f.Docs), docs, notes)
		}
	}
}

func TestPropertiesBadEscape(t *testing.T) {
	f, notes := source.Parse("application.properties", tree.Properties, []byte("a=1\nb=\\u12\n"))
	if f != nil || len(notes) != 1 || notes[0].Line != 2 || !strings.Contains(notes[0].Message, "four hexadecimal digits") {
		t.Errorf("%v %+v", f, notes)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add("a=1\n#---\nb : \\u00e9\\\n  c\r\n!x\n")
	f.Add("\\")
	f.Add("a\\\r\n=\\ud83d\\u")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := source.Parse("application.properties", tree.Properties, []byte(text))
		sourcetest.Inside(t, got)
	})
}
