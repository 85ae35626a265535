package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// kubeScore is the program that this module's tool directive names, with all of
// its optional checks.
type kubeScore struct{ binary string }

func (*kubeScore) name() string { return "kube-score" }

func (k *kubeScore) prepare(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "kube-score")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go tool -n kube-score: %w: %s", err, problem.String())
	}
	k.binary = strings.TrimSpace(string(out))
	return nil
}

// scored is an object in kube-score's JSON, version 2.
type scored struct {
	TypeMeta struct {
		Kind string `json:"kind"`
	} `json:"type_meta"`
	ObjectMeta struct {
		Name string `json:"name"`
	} `json:"object_meta"`
	Checks []struct {
		Check struct {
			ID string `json:"id"`
		} `json:"check"`
		Grade    int  `json:"grade"` // 10 is good, 1 is critical
		Skipped  bool `json:"skipped"`
		Comments []struct {
			Summary string `json:"summary"`
		} `json:"comments"`
	} `json:"checks"`
}

func (k *kubeScore) lint(ctx context.Context, c testCase) (all []report, err error) {
	args := append([]string{"score", "-o", "json", "--all-default-optional", "--kubernetes-version", "v1.33"}, c.files()...)
	// Its exit code 1 is that of findings: whether it ran its output says.
	out, _ := exec.CommandContext(ctx, k.binary, args...).Output()
	var objects []scored
	if err := json.Unmarshal(out, &objects); err != nil {
		return nil, fmt.Errorf("kube-score: %w", err)
	}
	for _, o := range objects {
		for _, check := range o.Checks {
			if check.Skipped || check.Grade >= 10 {
				continue
			}
			var text strings.Builder
			for _, comment := range check.Comments {
				text.WriteString(comment.Summary + "\n")
			}
			all = append(all, report{kind: o.TypeMeta.Kind, name: o.ObjectMeta.Name, check: check.Check.ID, text: text.String()})
		}
	}
	return all, nil
}
