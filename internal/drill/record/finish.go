package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

const (
	proveTime                = 3 * time.Second // for all violations
	maxUsersRead, maxOpsRead = 64, 100_000
	othersKept               = 64
)

// Finish ends the record with the run's result and returns that result with
// what the header says, and with witnesses as short as they can be. It is what
// Load will return, and what reports are to be made from. With an error the
// result is as good as it can be, and the record is as far as it came.
func (w *Writer) Finish(r report.Result) (report.Result, error) {
	r = w.header.fill(r)
	if err := w.Close(); err != nil {
		return r, err
	}
	if err := w.finish(&r); err != nil {
		return r, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

func (w *Writer) finish(r *report.Result) error {
	b := &book{writer: w, ops: map[int]int{}, guilty: map[string]bool{}}
	for _, v := range r.Outcome.Violations {
		b.guilty[v.User] = true
	}
	order := interesting(*r)
	if err := w.reread(b.study(r.Outcome.Violations, order)); err != nil {
		return err
	}
	if b.cut != nil {
		r.Notes = append(r.Notes, b.cut.note())
	}
	b.prove(r, order)
	return b.replace(*r)
}

// interesting are the violations to prove, the most telling first.
func interesting(r report.Result) []int {
	order := report.Examples(r.Outcome)
	for i := range r.Outcome.Violations {
		if !slices.Contains(order, i) && !r.Outcome.Violations[i].Unattributed {
			order = append(order, i)
		}
		if len(order) >= maxUsersRead {
			break
		}
	}
	return order
}

// book is what is known of the operations in the file.
type book struct {
	writer  *Writer
	ops     map[int]int     // of each user
	guilty  map[string]bool // users with a violation
	stories map[string][]history.Op
	cut     *cut
}

func (w *Writer) user(n int) string {
	if name := w.header.Check.UserName; name != nil {
		return name(n)
	}
	return history.UserName(n)
}

// reread goes through the file as it is.
func (w *Writer) reread(each func(text []byte, l *line) error) error {
	f, err := os.Open(w.name)
	if err != nil {
		return err
	}
	defer f.Close()
	whole, err := scan(f, func(text []byte) error {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return err
		}
		return each(text, &l)
	})
	if err == nil && !whole {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// study counts the operations, and keeps those of the users whose violations
// come first.
func (b *book) study(all []check.Violation, order []int) func([]byte, *line) error {
	b.stories = map[string][]history.Op{}
	for _, i := range order {
		b.stories[all[i].User] = nil
	}
	kept := 0
	return func(_ []byte, l *line) error {
		switch {
		case l.Cut != nil:
			b.cut = l.Cut
		case l.Op != nil:
			op, err := l.Op.open(b.writer.header.Users)
			if err != nil {
				return err
			}
			b.ops[op.User]++
			name := b.writer.user(op.User)
			if story, wanted := b.stories[name]; wanted && kept < maxOpsRead {
				b.stories[name] = append(story, op)
				kept++
			}
		}
		return nil
	}
}

// prove shortens the witnesses, as many as there is time for.
func (b *book) prove(r *report.Result, order []int) {
	end := time.Now().Add(proveTime)
	p := &prover{opt: b.writer.header.Check}
	for _, e := range r.Outcome.Events {
		p.events = append(p.events, e.Event)
	}
	r.Outcome.Violations = slices.Clone(r.Outcome.Violations)
	for _, i := range order {
		v := &r.Outcome.Violations[i]
		now := time.Now()
		if now.After(end) {
			return
		}
		p.want, p.until = *v, now.Add(shrinkTime)
		story := b.stories[v.User]
		ops, minimal := p.prove(story)
		if len(ops) == 0 || len(ops) > maxProof {
			// It takes more than this user's operations, or too many of them:
			// the checker's choice stays, with what it takes to do it again.
			ops, minimal = p.witnessed(story), false
		}
		if len(ops) > 0 && len(ops) >= min(len(v.Witness), 1) {
			v.Witness, v.Minimal = p.steps(ops, b.writer.opt.Describe), minimal
		}
	}
}

// replace writes the file anew: only what is kept, and the result.
func (b *book) replace(r report.Result) (err error) {
	w := b.writer
	f, err := os.CreateTemp(filepath.Dir(w.name), "."+Name+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	gz := compressed(f)
	put := func(text []byte) error { _, err := gz.Write(append(bytes.Clone(text), '\n')); return err }
	seen := map[int]int{}
	err = w.reread(func(text []byte, l *line) error {
		if l.Op != nil {
			user := l.Op.User
			seen[user]++
			late := b.writer.opt.Others && seen[user] > b.ops[user]-othersKept
			if !b.guilty[w.user(user)] && !late {
				return nil
			}
		}
		return put(text)
	})
	if err != nil {
		return err
	}
	for _, l := range ending(r) {
		text, err := json.Marshal(l)
		if err == nil {
			err = put(text)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(gz.Close(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), w.name)
}

// ending are the lines of the result.
func ending(r report.Result) (lines []line) {
	snap := r.Series.Snapshot()
	end := result{Result: r, Unexercised: idNames(r.Unexercised), Width: snap.Width, Instances: snap.Instances, Buckets: len(snap.Buckets), Violations: len(r.Outcome.Violations)}
	for i := range r.Outcome.Violations {
		lines = append(lines, line{Violation: &r.Outcome.Violations[i]})
	}
	for i := range snap.Buckets {
		lines = append(lines, line{Bucket: &snap.Buckets[i]})
	}
	end.Outcome.Violations, end.Series = nil, nil
	return append(lines, line{Result: &end})
}
