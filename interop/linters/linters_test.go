package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// mute says nothing, loud says everything of every object.
type mute struct{}

func (mute) name() string                                     { return "kube-score" }
func (mute) prepare(context.Context) error                    { return nil }
func (mute) lint(context.Context, testCase) ([]report, error) { return nil, nil }

type loud struct{ mute }

func (loud) lint(_ context.Context, c testCase) (all []report, err error) {
	for _, o := range c.objects {
		for _, s := range subjects {
			all = append(all, report{kind: o.kind, name: o.name, check: s.check, text: s.words})
		}
	}
	return all, nil
}

const archive = `
-- hit/shop.yaml --
apiVersion: v1
kind: Service
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop} # want EK-K8S-020 "no probe"
-- near/shop.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
-- suppressed/shop.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
`

func planted(t *testing.T) []testCase {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "EK-K8S-020.txtar"), []byte(archive), 0o644); err != nil {
		t.Fatal(err)
	}
	cases, err := unpack(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestUnpack(t *testing.T) {
	cases := planted(t)
	if len(cases) != 2 || len(cases[0].faults) != 1 || len(cases[1].faults) != 0 {
		t.Fatalf("cases: %+v", cases)
	}
	if o := cases[0].faults[0]; o.kind != "Deployment" || o.name != "shop" || o.line != 5 {
		t.Errorf("the fault is in %+v", o)
	}
}

// The count must be zero for a linter that says nothing, and full for one that
// says everything.
func TestCount(t *testing.T) {
	cases := planted(t)
	for _, c := range []struct {
		linter        linter
		found, raised int
	}{{mute{}, 0, 0}, {loud{}, 1, 1}} {
		got, err := count(context.Background(), c.linter, cases)
		if err != nil {
			t.Fatal(err)
		}
		if total := got.total(); total.found != c.found || total.raised != c.raised || total.planted != 1 || total.near != 1 {
			t.Errorf("%T: %+v", c.linter, total)
		}
		if control(got) == nil {
			t.Errorf("%T passes as the control", c.linter)
		}
	}
}
