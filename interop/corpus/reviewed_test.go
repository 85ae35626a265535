package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

const twoReviews = `
- {application: shop, rule: EK-K8S-003, file: shop.yaml, path: spec, subject: Deployment default/shop, verdict: true, why: the files say nothing else}
- {application: shop, rule: EK-PDB-001, file: shop.yaml, path: metadata.name, subject: Deployment default/shop, verdict: debatable, why: two pods}
`

func reviewsOf(t *testing.T, text string) ([]review, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reviewed.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return loadReviews(path)
}

func shopFindings() []*inspected {
	finding := func(rule, path string, s rule.Severity) found {
		return found{key: key{"shop", rule, "shop.yaml", path, "Deployment default/shop"}, severity: s}
	}
	return []*inspected{{findings: []found{finding("EK-K8S-003", "spec", rule.Error), finding("EK-PDB-001", "metadata.name", rule.Warn)}}}
}

// The comparison must be able to fail: each planted difference is one.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		reviews string
		want    string
	}{
		"all reviewed":       {twoReviews, ""},
		"one not reviewed":   {strings.Split(twoReviews, "- {application: shop, rule: EK-PDB")[0], "1 findings not reviewed"},
		"one vanished":       {twoReviews + "- {application: shop, rule: EK-K8S-020, file: shop.yaml, path: spec, subject: '', verdict: true, why: gone}\n", "1 reviewed ones vanished"},
		"another subject":    {strings.Replace(twoReviews, "Deployment default/shop, verdict: true", "Deployment default/cart, verdict: true", 1), "1 findings not reviewed, 1 reviewed ones vanished"},
		"a false error":      {strings.Replace(twoReviews, "verdict: true", "verdict: false", 1), "1 false errors"},
		"a false warning":    {strings.Replace(twoReviews, "verdict: debatable", "verdict: false", 1), ""},
		"nothing was found":  {"[]", "2 findings not reviewed"},
		"an error debatable": {strings.Replace(twoReviews, "verdict: true", "verdict: debatable", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reviews, err := reviewsOf(t, c.reviews)
			if err != nil {
				t.Fatal(err)
			}
			switch err := judge(shopFindings(), reviews).err(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("err = %v, want %q", err, c.want)
			}
		})
	}
}

func TestLoadReviewsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no verdict":  strings.Replace(twoReviews, "verdict: true", `verdict: ""`, 1),
		"no reason":   strings.Replace(twoReviews, "why: two pods", `why: ""`, 1),
		"twice":       twoReviews + twoReviews,
		"unknown key": strings.Replace(twoReviews, "why: two pods", "reason: two pods", 1),
	} {
		if _, err := reviewsOf(t, text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPageHasNoMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("# A page\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := updatePage(path, shopFindings(), judge(nil, nil)); err == nil {
		t.Error("a page without marks was written")
	}
}

func TestUnknownModule(t *testing.T) {
	a := application{name: "none", from: goModule, module: "evenkeel.invalid/none", version: "v1.0.0"}
	if err := a.download(context.Background(), t.TempDir()); err == nil {
		t.Error("a module that does not exist was downloaded")
	}
}
