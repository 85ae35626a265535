// Package examples holds no code: its tests compare the guides with the
// programs in the folders below and with what they describe.
package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// guides are relative to this folder.
const guides = "../docs/guide"

// block is what stands between two fences of a guide.
type block struct {
	guide string
	line  int
	lang  string
	text  string // without indentation that all lines share
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.guide, b.line) }

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pages are the guides and the examples' own descriptions, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{guides + "/*.md", "README.md", "*/README.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			out[p] = read(t, p)
		}
	}
	if len(out) < 8 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

func blocks(guide, text string) []block {
	var out []block
	var open *block
	for i, l := range strings.Split(text, "\n") {
		lang, fence := strings.CutPrefix(l, "```")
		switch {
		case fence && open == nil:
			open = &block{guide: guide, line: i + 1, lang: lang}
		case fence:
			open.text = dedent(open.text)
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += l + "\n"
		}
	}
	return out
}

// dedent takes away the tabs that all lines begin with.
func dedent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	least := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, "\t")); l != "" && (least < 0 || n < least) {
			least = n
		}
	}
	for i, l := range lines {
		lines[i] = l[min(max(least, 0), len(l)):]
	}
	return strings.Join(lines, "\n") + "\n"
}

// sources are the Go files below this folder.
func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			out[path] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// drift says how a block of Go is not what a source has; "" is that it is. A
// whole program is one file, anything else some lines of one.
func drift(b block, sources map[string]string) string {
	whole := strings.HasPrefix(b.text, "//") && strings.Contains(b.text, "\npackage ") || strings.HasPrefix(b.text, "package ")
	for _, src := range sources {
		if whole && src == b.text || !whole && excerpt(b.text, src) {
			return ""
		}
	}
	if whole {
		return "no file below examples is this program"
	}
	return "no file below examples has these lines"
}

func excerpt(text, src string) bool {
	want := strings.Split(strings.TrimRight(text, "\n"), "\n")
	have := strings.Split(src, "\n")
	for i := range len(have) - len(want) + 1 {
		if dedent(strings.Join(have[i:i+len(want)], "\n")) == text {
			return true
		}
	}
	return false
}

func TestGoInTheGuidesIsGoInTheExamples(t *testing.T) {
	all, n := sources(t), 0
	for name, text := range pages(t) {
		for _, b := range blocks(name, text) {
			if b.lang != "go" {
				continue
			}
			n++
			if d := drift(b, all); d != "" {
				t.Errorf("%v: %s:\n%s", b, d, b.text)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d blocks of Go were compared", n)
	}
}

// The comparison itself finds what is wrong.
func TestDriftIsFound(t *testing.T) {
	src := map[string]string{"a.go": "package a\n\nfunc f() {\n\tif x {\n\t\ty()\n\t}\n}\n"}
	for text, ok := range map[string]bool{
		"package a\n\nfunc f() {\n\tif x {\n\t\ty()\n\t}\n}\n": true,
		"package a\n\nfunc f() {\n}\n":                         false,
		"if x {\n\ty()\n}\n":                                   true,
		"if x {\n\tz()\n}\n":                                   false,
		"if x {\n}\n":                                          false,
	} {
		if got := drift(block{text: text}, src) == ""; got != ok {
			t.Errorf("%q: found %t, want %t", text, got, ok)
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)]+)\)`)
	fenced = regexp.MustCompile("(?s)\n```.*?\n```")
)

func TestLinksLead(t *testing.T) {
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(name), path)
			if path == "" {
				target = name
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s: there is no such heading", name, m[1])
			}
		}
	}
}

func anchors(text string) []string {
	var out []string
	for l := range strings.SplitSeq(text, "\n") {
		if h := strings.TrimLeft(l, "#"); h != l {
			out = append(out, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(h)), " ", "-"))
		}
	}
	return out
}

// Each sum of a budget is what the package itself prints.
func TestSums(t *testing.T) {
	sum := regexp.MustCompile(`withdraw (\S+) \+ max\(requests (\S+), streams (\S+)\) \+ flush (\S+) \+ margin \S+ = [\d.]+s`)
	n := 0
	for name, text := range pages(t) {
		for _, m := range sum.FindAllStringSubmatch(text, -1) {
			var parts [4]time.Duration
			for i, s := range m[1:] {
				d, err := time.ParseDuration(s)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if parts[i] = d; d == 0 {
					parts[i] = drain.None
				}
			}
			b := drain.Budget{Withdraw: parts[0], Requests: parts[1], Streams: parts[2], Flush: parts[3]}
			if b.String() != m[0] {
				t.Errorf("%s: %s, want %s", name, m[0], b)
			}
			n++
		}
	}
	if n < 5 {
		t.Errorf("only %d sums were checked", n)
	}
}

// In a manifest the platform's number and the program's are the same, and the
// sum that stands last before it fits.
func TestManifestsGiveTheGraceTwice(t *testing.T) {
	flag := regexp.MustCompile(`-grace[= ](\d+)s`)
	platform := regexp.MustCompile(`(?:terminationGracePeriodSeconds: |TimeoutStopSec=|"stopTimeout": )(\d+)`)
	needed := regexp.MustCompile(`= ([\d.]+)s\n`)
	n := 0
	for _, b := range blocks("leaving", read(t, guides+"/leaving.md")) {
		p := platform.FindStringSubmatch(b.text)
		if p == nil {
			continue
		}
		n++
		f := flag.FindStringSubmatch(b.text)
		if f == nil || f[1] != p[1] {
			t.Errorf("%v: the platform has %s, the program %v", b, p[1], f)
		}
		lines := strings.Split(read(t, guides+"/leaving.md"), "\n")
		sums := needed.FindAllStringSubmatch(strings.Join(lines[:b.line], "\n"), -1)
		last, err := time.ParseDuration(sums[len(sums)-1][1] + "s")
		if err != nil {
			t.Fatal(err)
		}
		if grace, err := time.ParseDuration(p[1] + "s"); err != nil || last > grace || grace-last > 5*time.Second {
			t.Errorf("%v: %v are needed, %s s given (%v)", b, last, p[1], err)
		}
	}
	if n != 3 {
		t.Errorf("%d manifests were checked, want 3", n)
	}
}

// The folders and files that commands name exist.
func TestCommandsNameWhatExists(t *testing.T) {
	command := regexp.MustCompile(`go run (\./[\w/]+)`)
	n := 0
	for name, text := range pages(t) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			n++
			if _, err := os.Stat(filepath.Join("..", m[1], "main.go")); err != nil {
				t.Errorf("%s: go run %s: %v", name, m[1], err)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d commands were checked", n)
	}
}
