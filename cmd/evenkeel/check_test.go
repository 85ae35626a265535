package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func TestAsk(t *testing.T) {
	f, _ := source.Parse("x.yaml", tree.YAML, []byte("a: 1\n"))
	finding := rule.Finding{Rule: &rule.Rule{ID: "EK-T-001"}, Severity: rule.Warn, Node: f.Docs[0].Root.Get("a"), Message: "wrong",
		Fix: &rule.Change{Asks: []rule.Choice{{Title: "this"}, {Title: "that", Edits: edit.Set(f.Docs[0].Root.Get("a"), "2")}}}}
	for answers, want := range map[string]int{"2\n": 1, "1\n": 0, "\n": -1, "": -1, "0\n3\nx\n2\n": 1, " 2 \n": 1} {
		var out bytes.Buffer
		if got := ask(&out, bufio.NewScanner(strings.NewReader(answers)), finding); got != want {
			t.Errorf("%q: %d, want %d", answers, got, want)
		}
		for _, want := range []string{"x.yaml:1:4 warn EK-T-001\n  wrong\n", "  1. this (by hand)\n", "  2. that\n", "which? 1 to 2, or Enter to leave it: "} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in %q", want, out.String())
			}
		}
	}
}

func TestFindRule(t *testing.T) {
	all := []*rule.Rule{{ID: "EK-K8S-001"}, {ID: "EK-K8S-011"}, {ID: "EK-ECS-001"}, {ID: "EK-SPR-900"}}
	for _, id := range []string{"EK-K8S-001", "ek-k8s-001", "K8S-001"} {
		if r, err := findRule(all, id); err != nil || r.ID != "EK-K8S-001" {
			t.Errorf("%s: %v", id, err)
		}
	}
	_, err := findRule(all, "EK-K8S-01")
	if err == nil || !strings.Contains(err.Error(), "near it: EK-K8S-001, EK-K8S-011;") {
		t.Errorf("near ones: %v", err)
	}
	if d := distance("kitten", "sitting"); d != 3 {
		t.Errorf("distance %d, want 3", d)
	}
}
