package source_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func TestUnit(t *testing.T) {
	f := sourcetest.Parsed(t, tree.Unit, "# c\n[Unit]\nDescription = a b \n[Service]\nExecStart=/usr/bin/java \\\n# c\n  -jar x.jar\nEnvironment=A=1\nEnvironment=\n; d\n[Unit]\nAfter=x\n")
	want := []string{
		"3:15 Unit.Description=a b [a b]",
		"12:7 Unit.After=x [x]",
		"5:11 Service.ExecStart=/usr/bin/java -jar x.jar [-]",
		"8:13 Service.Environment=A=1 [A=1]",
		"9:13 Service.Environment= []",
	}
	if d := cmp.Diff(want, sourcetest.Lines(f)); d != "" {
		t.Error(d)
	}
	odd := sourcetest.Parsed(t, tree.Unit, "A=1\n[Service]\nKillMode\nB=2\n")
	if d := cmp.Diff([]string{"4:3 Service.B=2 [2]"}, sourcetest.Lines(odd)); d != "" {
		t.Error(d)
	}
}

func FuzzUnit(f *testing.F) {
	f.Add("[Service]\nExecStart=a \\\n# c\n  b\n[Service]\nKillMode = \n")
	f.Add("[]\n=\\")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := source.Parse("a.service", tree.Unit, []byte(text))
		sourcetest.Inside(t, got)
	})
}
