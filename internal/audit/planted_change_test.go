package audit

import (
	"fmt"
	"maps"
	"strings"
)

// planted is a repository after a change.
type planted struct {
	rule   string // or EK-STO-: any of the family
	files  map[string]string
	places []string // FILE:LINE of lines with >
}

func (c *planted) is(rule string) bool {
	return rule == c.rule || strings.HasSuffix(c.rule, "-") && strings.HasPrefix(rule, c.rule)
}

func parsePlanted(repo map[string]string, text string) (*planted, error) {
	c := &planted{files: maps.Clone(repo)}
	var e plantedEdit
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\nend\n") {
		line = strings.TrimSuffix(line, "\n")
		switch word, rest, _ := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "-"):
			if len(e.new) > 0 { // the next place of the same file
				if err := c.apply(e); err != nil {
					return nil, err
				}
				e = plantedEdit{file: e.file}
			}
			e.old = append(e.old, line[1:])
		case strings.HasPrefix(line, "+"):
			e.new = append(e.new, line[1:])
		case strings.HasPrefix(line, ">"):
			e.marks = append(e.marks, len(e.new))
			e.new = append(e.new, line[1:])
		case word == "want" || word == "never":
			c.rule = rest
		case word == "gone":
			if _, ok := c.files[rest]; !ok {
				return nil, fmt.Errorf("there is no %s", rest)
			}
			delete(c.files, rest)
		case word == "file" || word == "end":
			if err := c.apply(e); err != nil {
				return nil, err
			}
			name, isNew := strings.CutSuffix(rest, " new")
			e = plantedEdit{file: name, isNew: isNew}
		case line != "":
			return nil, fmt.Errorf("not a line of a change: %q", line)
		}
	}
	if c.rule == "" {
		return nil, fmt.Errorf("it names no rule")
	}
	return c, nil
}

type plantedEdit struct {
	file     string
	isNew    bool
	old, new []string
	marks    []int // of new
}

func (c *planted) apply(e plantedEdit) error {
	if e.file == "" || len(e.old)+len(e.new) == 0 {
		return nil
	}
	at, before := 0, ""
	if !e.isNew {
		old, data := strings.Join(e.old, "\n")+"\n", c.files[e.file]
		if n := strings.Count("\n"+data, "\n"+old); n != 1 || len(e.old) == 0 {
			return fmt.Errorf("%s has these lines %d times:\n%s", e.file, n, old)
		}
		at = strings.Index("\n"+data, "\n"+old)
		before = data[:at]
		data = before + strings.Join(append(e.new, ""), "\n") + data[at+len(old):]
		c.files[e.file] = data
	} else {
		c.files[e.file] = strings.Join(append(e.new, ""), "\n")
	}
	for _, m := range e.marks {
		c.places = append(c.places, fmt.Sprintf("%s:%d", e.file, strings.Count(before, "\n")+m+1))
	}
	return nil
}
