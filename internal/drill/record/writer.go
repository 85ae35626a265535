package record

import (
	"cmp"
	"compress/gzip"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Options of a Writer; the zero value is usable.
type Options struct {
	// Limit is the size of the file in bytes from which on operations are not
	// recorded any more, though events are. 0 is 512 MB, some eight hours of
	// 1,000 requests a second.
	Limit int64
	// Others keeps the last 64 operations of each user without a violation.
	Others bool
	// Describe says how operations are done again, see Describe; nil: nobody
	// knows.
	Describe Describer
}

// queued bounds the lines on their way to the file. When it is full Observe
// waits for the disk.
const queued = 4096

// Writer records a run. Observe and Event are safe for concurrent use, until
// Finish or Close.
type Writer struct {
	name   string
	header Header
	opt    Options
	key    []byte // of the hashes of cookies
	lines  chan entry
	done   chan struct{}
	cut    atomic.Bool

	// Of the goroutine until done is closed.
	file *os.File
	size counter // of file
	gz   *gzip.Writer
	last time.Duration // latest return of an operation
	err  error
}

// counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}

// entry is a line on its way; at is the return of an operation.
type entry struct {
	text []byte
	op   bool
	at   time.Duration
}

// Create begins a record in a folder, which is made if it is not there. A
// record that is there is replaced.
func Create(dir string, h Header, opt Options) (*Writer, error) {
	opt.Limit = cmp.Or(opt.Limit, 512<<20)
	if err := h.seal(); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	w := &Writer{name: filepath.Join(dir, Name), header: h, opt: opt, key: make([]byte, 32),
		lines: make(chan entry, queued), done: make(chan struct{})}
	if _, err := rand.Read(w.key); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	first, err := json.Marshal(line{Header: &h})
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if w.file, err = os.Create(w.name); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	w.size.Writer = w.file
	w.gz = compressed(&w.size)
	w.put(entry{text: first})
	w.flush()
	if w.err != nil {
		return nil, fmt.Errorf("record: %w", errors.Join(w.err, w.file.Close(), os.Remove(w.name)))
	}
	go w.run()
	return w, nil
}

// Observe records an operation that has returned.
func (w *Writer) Observe(op history.Op) {
	if w.cut.Load() {
		return
	}
	op.Sent, op.SetCookie = w.hash(op.Sent), w.hash(op.SetCookie)
	w.add(line{Op: newOperation(op)}, true, op.Return)
}

// Event records an event; of one ID the last counts.
func (w *Writer) Event(e history.Event) { w.add(line{Event: &e}, false, 0) }

func (w *Writer) add(l line, op bool, at time.Duration) {
	text, err := json.Marshal(l)
	if err != nil {
		panic("record: " + err.Error()) // plain data
	}
	w.lines <- entry{text, op, at}
}

// hash stands for a cookie's value: the same for the same value in this run.
func (w *Writer) hash(value string) string {
	if value == "" {
		return ""
	}
	h := hmac.New(sha256.New, w.key)
	h.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// run writes lines until there are no more, and gives them to the system each
// second.
func (w *Writer) run() {
	defer close(w.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case e, ok := <-w.lines:
			if !ok {
				return
			}
			w.put(e)
		case <-tick.C:
			w.flush()
		}
	}
}

func (w *Writer) put(e entry) {
	if w.err != nil || e.op && w.cut.Load() {
		return
	}
	w.last = max(w.last, e.at)
	if _, w.err = w.gz.Write(append(e.text, '\n')); w.err != nil {
		w.cut.Store(true)
	}
}

// flush gives the lines to the system, and ends the recording of operations
// when the file has become too large.
func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	if w.size.n > w.opt.Limit && !w.cut.Load() {
		w.cut.Store(true)
		text, err := json.Marshal(line{Cut: &cut{w.last, fmt.Sprintf("the record had come to %d MB", w.opt.Limit>>20)}})
		if err != nil {
			panic("record: " + err.Error()) // plain data
		}
		w.put(entry{text: text})
	}
	if w.err == nil {
		w.err = w.gz.Flush()
	}
}

// Close ends the record as it is, as for a run without a result.
func (w *Writer) Close() error {
	close(w.lines)
	<-w.done
	if err := errors.Join(w.err, w.gz.Close(), w.file.Close()); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// compressed is fast rather than small: it is done while the load is on.
func compressed(w io.Writer) *gzip.Writer {
	gz, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic("record: " + err.Error()) // the level is one
	}
	return gz
}
