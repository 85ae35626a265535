package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// verdict is what two reviews agreed on.
type verdict string

const (
	right     verdict = "true"      // users lose something, or would
	wrong     verdict = "false"     // an experienced reader would wave it away
	debatable verdict = "debatable" // it depends on what the files do not say
)

// review is one line of reviewed.yaml.
type review struct {
	Application, Rule, File, Path, Subject string
	Verdict                                verdict
	Why                                    string
}

func (r review) key() key { return key{r.Application, r.Rule, r.File, r.Path, r.Subject} }

// loadReviews reads reviewed.yaml. The error of one without a verdict, without
// a reason or twice names it.
func loadReviews(path string) ([]review, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []review
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&all); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	seen := map[key]bool{}
	for i, r := range all {
		switch {
		case !slices.Contains([]verdict{right, wrong, debatable}, r.Verdict):
			return nil, fmt.Errorf("%s: entry %d (%s %s): the verdict %q is not true, false or debatable", path, i+1, r.Rule, r.File, r.Verdict)
		case r.Why == "":
			return nil, fmt.Errorf("%s: entry %d (%s %s) does not say why", path, i+1, r.Rule, r.File)
		case seen[r.key()]:
			return nil, fmt.Errorf("%s: entry %d (%s %s) is there twice", path, i+1, r.Rule, r.File)
		}
		seen[r.key()] = true
	}
	return all, nil
}

// judgement is the comparison of findings and reviews.
type judgement struct {
	verdicts    map[key]review
	unreviewed  []found
	vanished    []review
	falseErrors []found
}

func judge(all []*inspected, reviews []review) *judgement {
	j := &judgement{verdicts: map[key]review{}}
	for _, r := range reviews {
		j.verdicts[r.key()] = r
	}
	seen := map[key]bool{}
	for _, one := range all {
		for _, f := range one.findings {
			r, ok := j.verdicts[f.key]
			seen[f.key] = true
			switch {
			case !ok:
				j.unreviewed = append(j.unreviewed, f)
			case r.Verdict == wrong && f.severity == rule.Error:
				j.falseErrors = append(j.falseErrors, f)
			}
		}
	}
	for _, r := range reviews {
		if !seen[r.key()] {
			j.vanished = append(j.vanished, r)
		}
	}
	return j
}

func (j *judgement) print(out io.Writer) {
	for _, f := range j.unreviewed {
		fmt.Fprintf(out, "not reviewed: %s %s:%d %s %s (%s): %s\n", f.Application, f.File, f.line, f.Rule, f.severity, f.Path, f.message)
	}
	for _, r := range j.vanished {
		fmt.Fprintf(out, "not found any more: %s %s %s (%s, %s)\n", r.Application, r.File, r.Rule, r.Path, r.Subject)
	}
	for _, f := range j.falseErrors {
		fmt.Fprintf(out, "a false error: %s %s:%d %s: %s\n", f.Application, f.File, f.line, f.Rule, j.verdicts[f.key].Why)
	}
}

func (j *judgement) err() error {
	if len(j.unreviewed)+len(j.vanished)+len(j.falseErrors) == 0 {
		return nil
	}
	return fmt.Errorf("%d findings not reviewed, %d reviewed ones vanished, %d false errors", len(j.unreviewed), len(j.vanished), len(j.falseErrors))
}
