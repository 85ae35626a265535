package audit

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/evenkeel/evenkeel/internal/audit/rules"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Whatever a file of Terraform, CloudFormation or the aws command says: no rule
// panics, and every finding has a place in the file.
func FuzzAWS(f *testing.F) {
	for _, pattern := range []string{"EK-ECS-*", "EK-ALB-*", "EK-STO-*"} {
		paths, err := filepath.Glob("rules/testdata/" + pattern + ".txtar")
		if err != nil || len(paths) == 0 {
			f.Fatal(pattern, err)
		}
		for _, path := range paths {
			a, err := txtar.ParseFile(path)
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range a.Files {
				if format, ok := source.FormatOf(file.Name); ok {
					f.Add(uint8(format), string(file.Data))
				}
			}
		}
	}
	stated, err := policy.Load(filepath.Join("testdata", "aws-policy.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, format uint8, src string) {
		kind := tree.Format(format)
		if kind != tree.YAML && kind != tree.JSON && kind != tree.HCL {
			return
		}
		file, _ := source.Parse("main", kind, []byte(src))
		if file == nil {
			return
		}
		for _, pol := range []*policy.Policy{nil, stated} {
			result := check([]*tree.File{file}, nil, Options{Policy: pol, Rules: rules.All(), Now: time.Unix(0, 0)})
			for _, finding := range result.Findings {
				if pos := finding.Node.Pos(); pos.File != "main" || pos.Line < 1 {
					t.Errorf("%s at %s", finding.Rule.ID, pos)
				}
			}
		}
	})
}
