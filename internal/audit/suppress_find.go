package audit

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const (
	ignoreMark       = "evenkeel:ignore"     // in a comment, and the member of a JSON object
	ignoreAnnotation = "evenkeel.dev/ignore" // of a Kubernetes object or pod template
)

var (
	ignoreComment = regexp.MustCompile(`(^|\s)(#|//)\s*evenkeel:ignore\b(.*)$`)
	onlyComment   = regexp.MustCompile(`^\s*(#|//)`)
)

// add makes a suppression of what stands at a line. What was made of a file
// repeats it, and is the same one.
func (s *suppressions) add(file string, line int, text string) *suppression {
	at := standing{place{file, line}, text}
	if s.standing[at] == nil {
		s.standing[at] = parseSuppression(file, line, text)
		s.all = append(s.all, s.standing[at])
	}
	return s.standing[at]
}

// file finds the suppressions of f.
func (s *suppressions) file(f *tree.File) {
	comment := bytes.Contains(f.Data, []byte(ignoreMark))
	if comment && f.Format != tree.JSON && f.Derived == "" {
		s.comments(f)
	}
	if f.Part { // its annotations are in what was made of it
		return
	}
	if comment || bytes.Contains(f.Data, []byte(ignoreAnnotation)) {
		for _, d := range f.Docs {
			s.members(d.Root)
		}
	}
}

// comments finds those in comments. One that stands alone is for the first line
// below that is not a comment.
func (s *suppressions) comments(f *tree.File) {
	lines := strings.Split(string(f.Data), "\n")
	for i, line := range lines {
		m := ignoreComment.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if m == nil {
			continue
		}
		sup := s.add(f.Name, i+1, m[3])
		on := i
		for onlyComment.MatchString(lines[i]) && on < len(lines)-1 && onlyComment.MatchString(lines[on]) {
			on++
		}
		at := place{f.Name, on + 1}
		s.byLine[at] = append(s.byLine[at], sup)
	}
}

// members finds annotations and members below n. What an alias repeats is found
// once.
func (s *suppressions) members(n *tree.Node) {
	for _, c := range n.Items {
		scope := (*tree.Node)(nil)
		switch {
		case c.Kind != tree.Scalar:
			s.members(c)
		case c.Key == ignoreMark:
			scope = n
		case c.Key == ignoreAnnotation && n.Key == "annotations":
			scope = object(n)
		}
		if scope == nil {
			continue
		}
		sup := s.add(c.Doc.File.Name, c.Pos().Line, c.Text())
		s.byScope[scope] = append(s.byScope[scope], sup)
	}
}

// object is the Kubernetes object that n is part of: the nearest node with a
// kind and a version, or else the whole document.
func object(n *tree.Node) *tree.Node {
	for ; n.Parent != nil; n = n.Parent {
		if n.Get("apiVersion") != nil && n.Get("kind") != nil {
			return n
		}
	}
	return n
}
