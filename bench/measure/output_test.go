package measure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	Table(&b, "Title", []string{"", "µs", "ratio"}, [][]string{{"long name", "1.5", "10"}, {"x", "µµµµ"}})
	want := `
Title
             µs  ratio
long name   1.5     10
x          µµµµ      -
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	want := Of(3, 1, 2)
	if err := Save(dir, "x.json", want); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "x.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got Sample
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if err := Save(dir, "bad.json", func() {}); err == nil {
		t.Error("a function was saved")
	}
}

func TestMachineSaysWhatItKnows(t *testing.T) {
	if m := ThisMachine(); m.Cores < 1 || m.Go == "" || m.OS == "" || !strings.Contains(m.String(), m.Go) {
		t.Errorf("%+v: %s", m, m)
	}
}
