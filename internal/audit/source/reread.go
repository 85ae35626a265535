package source

import (
	"github.com/evenkeel/evenkeel/internal/audit/source/hcl"
	"github.com/evenkeel/evenkeel/internal/audit/source/kustomize"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Reread parses the files that have new contents, and returns all in their
// order, with what is made of them made again. A file that does not parse stays
// as it was.
func Reread(files []*tree.File, contents map[*tree.File][]byte) []*tree.File {
	out := make([]*tree.File, len(files))
	for i, f := range files {
		out[i] = f
		if data, ok := contents[f]; ok {
			if again, _ := Parse(f.Name, f.Format, data); again != nil {
				again.Part = f.Part
				out[i] = again
			}
		}
	}
	hcl.Link(out)
	return kustomize.Rebuild(out, reader)
}
