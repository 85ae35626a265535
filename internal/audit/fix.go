package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// maxPasses bounds how often the mended files are audited and mended again: one
// fix may stand in the way of another, or make it unnecessary.
const maxPasses = 10

// Fixed is what mending came to. Nothing has been written.
type Fixed struct {
	*Result // of the files as they would be
	Before  *Result
	Files   []Changed
	Applied []Applied
}

// Changed is a file before and after, without its byte order mark.
type Changed struct {
	Name          string
	Before, After []byte
}

// Applied is one fix that was made.
type Applied struct {
	Rule *rule.Rule
	Pos  tree.Pos // as it was when the fix was made
	What string
}

// Choose answers a guided fix with one of its choices, -1 for none.
type Choose func(rule.Finding) int

// Fix audits, and mends what it finds: all that is safe, and what choose has an
// answer for; a nil choose has none. A fix whose result does not read as it
// means to is not made, and is a note.
func Fix(ctx context.Context, opt Options, choose Choose) (*Fixed, error) {
	files, notes, err := source.Read(ctx, opt.Paths, opt.Stdin)
	if err != nil {
		return nil, err
	}
	return mend(ctx, files, notes, opt, choose)
}

func mend(ctx context.Context, files []*tree.File, notes []tree.Note, opt Options, choose Choose) (*Fixed, error) {
	m := &mending{choose: choose, choices: map[identity]int{}, refused: map[identity]bool{}, base: newBaseline("."), first: map[string][]byte{}}
	out := &Fixed{}
	for range maxPasses {
		out.Result = check(files, notes, opt)
		if out.Before == nil {
			out.Before = out.Result
		}
		changes, applied := m.pass(out.Findings)
		if len(changes) == 0 || ctx.Err() != nil {
			break
		}
		for f := range changes {
			if _, ok := m.first[f.Name]; !ok {
				m.first[f.Name] = f.Data
			}
		}
		out.Applied = append(out.Applied, applied...)
		files = source.Reread(files, changes)
	}
	out.Notes = append(out.Notes, m.notes...)
	tree.SortNotes(out.Notes)
	for _, f := range files {
		if before, ok := m.first[f.Name]; ok {
			out.Files = append(out.Files, Changed{f.Name, before, f.Data})
		}
	}
	return out, ctx.Err()
}

// mending is what one call of Fix remembers between its passes.
type mending struct {
	choose  Choose
	choices map[identity]int
	refused map[identity]bool
	base    *Baseline // for identities
	first   map[string][]byte
	notes   []tree.Note
}

// fix is what one finding comes to.
type fix struct {
	finding rule.Finding
	what    string
	edits   []edit.Edit
}

// pass makes as many fixes at once as do not touch one another.
func (m *mending) pass(found []rule.Finding) (map[*tree.File][]byte, []Applied) {
	var fixes []fix
	for _, f := range found {
		what, edits := m.edits(f)
		switch {
		case len(edits) == 0 || m.refused[m.base.identity(f)]:
		case !slices.ContainsFunc(edits, edit.Edit.Changes):
			m.refuse(f, errors.New("the change is there already"))
		default:
			fixes = append(fixes, fix{f, what, edits})
		}
	}
	changes, made := m.all(fixes)
	if changes == nil {
		changes, made = m.each(fixes)
	}
	var applied []Applied
	for _, x := range made {
		applied = append(applied, Applied{x.finding.Rule, x.finding.Node.Pos(), x.what})
	}
	return changes, applied
}

// all makes all fixes at once; nil if they cannot be made so.
func (m *mending) all(fixes []fix) (map[*tree.File][]byte, []fix) {
	edits := map[*tree.File][]edit.Edit{}
	for _, x := range fixes {
		for _, e := range x.edits {
			edits[e.File] = append(edits[e.File], e)
		}
	}
	changes := map[*tree.File][]byte{}
	for f, all := range edits {
		data, err := edit.Apply(f, all)
		if err != nil {
			return nil, nil
		}
		changes[f] = data
	}
	return changes, fixes
}

// each makes one fix after the other. One that another is in the way of waits
// for the next pass, and may be unnecessary then.
func (m *mending) each(fixes []fix) (changes map[*tree.File][]byte, made []fix) {
	edits, changes := map[*tree.File][]edit.Edit{}, map[*tree.File][]byte{}
	for _, x := range fixes {
		results, err := together(edits, x.edits)
		if err != nil {
			if !slices.ContainsFunc(x.edits, func(e edit.Edit) bool { return len(edits[e.File]) > 0 }) {
				m.refuse(x.finding, err)
			}
			continue
		}
		maps.Copy(changes, results)
		for _, e := range x.edits {
			edits[e.File] = append(edits[e.File], e)
		}
		made = append(made, x)
	}
	return changes, made
}

func (m *mending) refuse(f rule.Finding, err error) {
	m.refused[m.base.identity(f)] = true
	pos := f.Node.Pos()
	m.notes = append(m.notes, tree.Note{File: pos.File, Line: pos.Line, Message: fmt.Sprintf("%s is not mended: %v", f.Rule.ID, err)})
}

// edits are those that mend f, and what they do.
func (m *mending) edits(f rule.Finding) (what string, edits []edit.Edit) {
	switch {
	case f.Fix == nil:
		return "", nil
	case len(f.Fix.Edits) > 0:
		return f.Fix.Title, f.Fix.Edits
	case m.choose == nil || len(f.Fix.Asks) == 0:
		return "", nil
	}
	id := m.base.identity(f)
	i, asked := m.choices[id]
	if !asked {
		i = m.choose(f)
		m.choices[id] = i
	}
	if i < 0 || i >= len(f.Fix.Asks) {
		return "", nil
	}
	return f.Fix.Asks[i].Title, f.Fix.Asks[i].Edits
}

// together is what becomes of the files of more, with the edits that each of
// them has so far.
func together(edits map[*tree.File][]edit.Edit, more []edit.Edit) (map[*tree.File][]byte, error) {
	results := map[*tree.File][]byte{}
	for _, e := range more {
		if results[e.File] != nil {
			continue
		}
		all := slices.Clone(edits[e.File])
		for _, x := range more {
			if x.File == e.File {
				all = append(all, x)
			}
		}
		data, err := edit.Apply(e.File, all)
		if err != nil {
			return nil, err
		}
		results[e.File] = data
	}
	return results, nil
}
