package proctest

import (
	"bytes"
	"regexp"
	"sync"
)

// keep is how much output is kept, and the length at which a line without an
// end is taken for one.
const keep = 64 << 10

// output takes what a process prints: it keeps the end of it, and shows every
// line to those who wait for one. Its zero value is ready.
type output struct {
	mu      sync.Mutex
	kept    []byte // the last keep bytes, at most twice as many
	line    []byte // not yet ended
	waiting []waiter
	ended   bool
}

type waiter struct {
	re    *regexp.Regexp
	found chan []string // takes one match; closed if there is none
}

// Write implements io.Writer for exec.Cmd.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, b...)
	if len(o.kept) > 2*keep {
		o.kept = append([]byte(nil), o.kept[len(o.kept)-keep:]...)
	}
	for rest := b; len(rest) > 0; {
		part, after, whole := bytes.Cut(rest, []byte("\n"))
		o.line = append(o.line, part...)
		if whole || len(o.line) >= keep {
			o.show()
		}
		rest = after
	}
	return len(b), nil
}

// show offers the line to those who wait and begins a new one.
func (o *output) show() {
	var still []waiter
	for _, w := range o.waiting {
		if m := w.re.FindStringSubmatch(string(o.line)); m != nil {
			w.found <- m
		} else {
			still = append(still, w)
		}
	}
	o.waiting = still
	o.line = o.line[:0]
}

// end shows the last line, if it was not ended, and disappoints the rest.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.show()
	}
	for _, w := range o.waiting {
		close(w.found)
	}
	o.waiting, o.ended = nil, true
}

// await returns a channel that gets the first match, from what is kept on, or
// is closed when the output ends without one.
func (o *output) await(re *regexp.Regexp) <-chan []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := waiter{re, make(chan []string, 1)}
	whole := o.kept
	if !o.ended { // a line that is being printed may become another one
		whole = whole[:bytes.LastIndexByte(whole, '\n')+1]
	}
	for line := range bytes.Lines(whole) {
		if m := re.FindStringSubmatch(string(bytes.TrimSuffix(line, []byte("\n")))); m != nil {
			w.found <- m
			return w.found
		}
	}
	if o.ended {
		close(w.found)
		return w.found
	}
	o.waiting = append(o.waiting, w)
	return w.found
}

// String is the last of the output, at most keep bytes.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept[max(0, len(o.kept)-keep):])
}
