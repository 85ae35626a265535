package peers

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

var update = flag.Bool("update", false, "write the table into README.md")

func TestMain(m *testing.M) {
	registerCart()
	os.Exit(proctest.Main(m))
}

var (
	edges     = slices.Concat(writerEdges, http2Edges, commitEdges, aroundEdges, cookieEdges, flightEdges)
	libraries = []library{evenkeel, scsLibrary, gorillaLibrary, careless}
)

// TestTable runs every edge with every library, and fails if one loses
// anything else than its scenario says, or keeps what it is said to lose.
// evenkeel loses nothing, and every edge is lost by somebody.
func TestTable(t *testing.T) {
	table, complete := [][]string{}, true
	for _, s := range edges {
		row := []string{s.edge}
		if len(s.lost) == 0 || s.lost[evenkeel.name] != "" {
			t.Errorf("%s: the scenario expects losses of %v, want of somebody, but not of evenkeel", s.edge, s.lost)
		}
		for _, lib := range libraries {
			ran := false
			t.Run(s.edge+"/"+lib.name, func(t *testing.T) {
				row, ran = append(row, try(t, s, lib)), true
			})
			complete = complete && ran
		}
		table = append(table, row)
	}
	if !complete {
		return // -run has chosen some
	}
	text := markdown(table)
	t.Log("\n" + text)
	compare(t, text)
}

func try(t *testing.T, s scenario, lib library) string {
	tr := newTrial(t, lib)
	s.run(tr)
	got, want := tr.verdict(), s.lost[lib.name]
	if want == "" && tr.lacks == "" {
		want = keeps
	}
	if tr.lacks == "" && got != want {
		t.Errorf("%s: got %q, want %q", lib.name, got, want)
	}
	return got
}

func markdown(table [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := []string{"edge"}
	for _, lib := range libraries {
		head = append(head, lib.name)
	}
	line(head)
	line(slices.Repeat([]string{"---"}, len(head)))
	for _, row := range table {
		line(row)
	}
	return b.String()
}

const begin, end = "<!-- written by go test -run Table -update -->\n", "<!-- end -->\n"

// compare holds the table against README.md's.
func compare(t *testing.T, table string) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no table between %q and %q", begin, end)
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != table {
		t.Errorf("README.md has another table; run go test -run Table -update")
	}
}
