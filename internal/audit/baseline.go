package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const baselineSchema = "evenkeel.dev/baseline/v1"

// Baseline is a record of findings that are known, and left out of a report. A
// finding is known again by its rule, file, subject and the names that lead to
// its value, not by its line.
type Baseline struct {
	path  string
	dir   string // that its file names count from
	known map[identity]int
}

// identity is what makes a finding the same in another run.
type identity struct {
	Rule    string `json:"rule"`
	File    string `json:"file"`
	Subject string `json:"subject,omitempty"`
	Path    string `json:"path,omitempty"`
}

type baselineFile struct {
	Schema   string     `json:"schema"`
	Findings []identity `json:"findings"`
}

// LoadBaseline reads the baseline at path. The error of a file that is not
// there is fs.ErrNotExist.
func LoadBaseline(path string) (*Baseline, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f baselineFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Schema != baselineSchema {
		return nil, fmt.Errorf("%s: not a baseline that check has written (schema %s)", path, baselineSchema)
	}
	b := newBaseline(path)
	for _, id := range f.Findings {
		b.known[id]++
	}
	return b, nil
}

func newBaseline(path string) *Baseline {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		dir = filepath.Dir(path)
	}
	return &Baseline{path: path, dir: dir, known: map[identity]int{}}
}

// WriteBaseline records the findings of r at path: those that it reports, and
// those that an earlier baseline had.
func WriteBaseline(path string, r *Result) error {
	b := newBaseline(path)
	f := baselineFile{Schema: baselineSchema, Findings: []identity{}}
	for _, all := range [][]rule.Finding{r.Findings, r.Recorded} {
		for _, finding := range all {
			f.Findings = append(f.Findings, b.identity(finding))
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return err
	}
	return replaceFile(path, text.Bytes())
}

// split parts findings from those that are known. What is known and was not
// found in files that were read is a note.
func (b *Baseline) split(found []rule.Finding, files []*tree.File) (fresh, known []rule.Finding, notes []tree.Note) {
	left := maps.Clone(b.known)
	for _, f := range found {
		if id := b.identity(f); left[id] > 0 {
			left[id]--
			known = append(known, f)
		} else {
			fresh = append(fresh, f)
		}
	}
	read := map[string]bool{}
	for _, f := range files {
		read[b.relative(f.Name)] = true
	}
	gone := 0
	for id, n := range left {
		if read[id.File] {
			gone += n
		}
	}
	if gone > 0 {
		notes = append(notes, tree.Note{File: b.path, Message: fmt.Sprintf("%d of the recorded findings are gone; --write-baseline writes it anew", gone)})
	}
	return fresh, known, notes
}

func (b *Baseline) identity(f rule.Finding) identity {
	return identity{f.Rule.ID, b.relative(f.Node.Doc.File.Name), f.Subject, namedPath(f.Node)}
}

// relative is a file's name from the baseline's folder, so that it does not
// matter where check is run.
func (b *Baseline) relative(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil || name == "-" {
		return name
	}
	rel, err := filepath.Rel(b.dir, abs)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// namedPath is the way to n by names. Items of a list go by their name, or by
// none, so that one more item does not move the others; blocks of HCL go by
// their labels.
func namedPath(n *tree.Node) string {
	if n == nil || n.Parent == nil {
		return ""
	}
	up, step := namedPath(n.Parent), n.Key
	for _, label := range n.Labels {
		step += "." + label
	}
	if n.Parent.Kind == tree.List {
		return fmt.Sprintf("%s[%s]", up, n.Get("name").Text())
	}
	return strings.TrimPrefix(up+"."+step, ".")
}

// Fingerprint names f for programs that compare runs: it stays when lines move.
func Fingerprint(f rule.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Rule.ID, f.Node.Doc.File.Name, f.Subject, namedPath(f.Node)}, "\x00")))
	return hex.EncodeToString(sum[:16])
}
