package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

// Bounds of what is read.
const (
	maxLine  = 4 << 20
	maxBytes = 64 << 30 // unpacked
	maxUsers = 1_000_000
	// maxViolations is more than a checker keeps.
	maxViolations = 500_000
	maxBuckets    = 4096
	maxEvents     = 100_000
)

// Run is what a record holds.
type Run struct {
	Header Header
	Result report.Result
	// Partial says why the result is not that of a whole run; "" it is.
	Partial string
}

// Load reads the record of a folder, or a file.
func Load(name string) (*Run, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, Name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	defer f.Close()
	run, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return run, nil
}

// Read reads a record. One that ends early is judged from what is there.
func Read(r io.Reader) (*Run, error) {
	p := &parser{}
	whole, err := scan(r, p.line)
	switch {
	case err != nil:
		return nil, err
	case p.run == nil:
		return nil, errors.New("the record ends before its header: nothing of the run is in it")
	case p.run.Partial == "" && p.final == nil:
		p.judge(whole)
	}
	return p.run, nil
}

// scan reads the lines of a record; whole is false if it ends early.
func scan(r io.Reader, each func(text []byte) error) (whole bool, err error) {
	gz, err := gzip.NewReader(bufio.NewReader(r))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("this is no record of a drill: %w", err)
	}
	lines := bufio.NewScanner(io.LimitReader(gz, maxBytes))
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	ended := false
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 { // half a line is of no use
			ended = true
			return len(data), nil, nil
		}
		return 0, nil, nil
	})
	n := 1
	for ; lines.Scan(); n++ {
		if err := each(lines.Bytes()); err != nil {
			return false, fmt.Errorf("line %d: %w", n, err)
		}
	}
	err = lines.Err()
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return err == nil && !ended, nil
	}
	return false, fmt.Errorf("line %d: %w", n, err)
}

// parser puts lines together. A run without a result is judged on the way.
type parser struct {
	run     *Run
	check   *check.Checker
	series  *report.Series
	cut     *cut
	events  map[int]bool
	end     time.Duration
	buckets []report.Bucket
	bad     []check.Violation
	final   *result
}

func (p *parser) line(text []byte) error {
	if p.final != nil {
		return errors.New("after the result")
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	if (p.run == nil) != (l.Header != nil) {
		return errors.New("a record has one header, in its first line")
	}
	switch {
	case l.Header != nil:
		return p.header(*l.Header)
	case l.Op != nil:
		return p.op(l.Op)
	case l.Event != nil:
		return p.event(*l.Event)
	case l.Cut != nil:
		p.cut = l.Cut
	case l.Violation != nil:
		p.bad = append(p.bad, *l.Violation)
	case l.Bucket != nil:
		p.buckets = append(p.buckets, *l.Bucket)
	case l.Result != nil:
		return p.result(l.Result)
	}
	if len(p.bad) > maxViolations || len(p.buckets) > maxBuckets {
		return errors.New("more lines of a kind than a drill writes")
	}
	return nil
}

func (p *parser) header(h Header) error {
	if err := h.open(); err != nil {
		return err
	}
	p.run = &Run{Header: h}
	p.check, p.series, p.events = check.New(h.Check), &report.Series{}, map[int]bool{}
	return nil
}

func (p *parser) op(o *operation) error {
	op, err := o.open(p.run.Header.Users)
	if err != nil {
		return err
	}
	p.end = max(p.end, op.Return)
	p.check.Observe(op)
	p.series.Observe(op)
	return nil
}

func (p *parser) event(e history.Event) error {
	if p.events[e.ID] = true; len(p.events) > maxEvents {
		return errors.New("more events than a drill has")
	}
	p.check.Event(e)
	return nil
}

// result is the end of a run that was carried through.
func (p *parser) result(r *result) error {
	if r.Violations != len(p.bad) || r.Buckets != len(p.buckets) {
		return fmt.Errorf("%d violations and %d buckets, but the result has %d and %d: lines are missing", len(p.bad), len(p.buckets), r.Violations, r.Buckets)
	}
	unexercised, err := ids(r.Unexercised)
	if err != nil {
		return err
	}
	p.final = r
	p.run.Result = p.run.Header.fill(r.Result)
	p.run.Result.Unexercised = unexercised
	p.run.Result.Outcome.Violations = p.bad
	p.run.Result.Series = nil
	if r.Width > 0 {
		p.run.Result.Series = report.NewSeries(report.Snapshot{Width: r.Width, Instances: r.Instances, Buckets: p.buckets})
	}
	return nil
}

// fill adds what the header says of a result.
func (h *Header) fill(r report.Result) report.Result {
	r.Strategy, r.Users, r.Started, r.Control, r.Target, r.Config = h.Strategy, h.Users, h.Started, h.Control, h.Target, h.Config
	return r
}

// judge makes a result from what there is.
func (p *parser) judge(whole bool) {
	h := &p.run.Header
	o := p.check.Finish()
	p.run.Partial = fmt.Sprintf("the record ends at %.1f s without a result, as the drill did not come to its end", p.end.Seconds())
	if whole && p.end == 0 {
		p.run.Partial = "the record ends before the first operation"
	}
	o.Inconclusive = append(o.Inconclusive, p.run.Partial)
	r := report.Result{Outcome: o, Verdict: check.Judge(o, h.Required, h.Allowed), Series: p.series, Unexercised: check.Unexercised(o, h.Required, h.Allowed)}
	r.Notes = append(r.Notes, "Whether the drill itself was late is not known of a run that did not come to its end.")
	if p.cut != nil {
		r.Notes = append(r.Notes, p.cut.note())
	}
	p.run.Result = h.fill(r)
}

func (c *cut) note() string {
	return fmt.Sprintf("From %.1f s on operations were not recorded: %s.", c.At.Seconds(), c.Why)
}
