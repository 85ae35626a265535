// Package screen shows how a run goes on: on a terminal a whole picture four
// times a second, elsewhere a line every five seconds and one per event.
//
//	s := screen.New(os.Stdout)
//	stop := s.Watch(ctx, func() screen.Picture { return view(run.Progress()) })
//	result, err := run.Do(ctx)
//	stop()
//
// Guarantees: when stop has returned, or shortly after ctx has ended, the
// terminal is as it was before. A picture is never larger than the terminal if
// it keeps to the size that it is asked for.
package screen

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Picture is how things are at one moment.
type Picture interface {
	// Lines draws it in at most height lines of at most width columns.
	Lines(width, height int) []string
	// Plain is all of it in one line.
	Plain() string
	// Log is what has happened so far, a line each; later pictures add to it.
	Log() []string
}

// Screen shows pictures on one output. Its methods are for one goroutine.
type Screen struct {
	out      io.Writer
	fd       int // of the terminal; -1 elsewhere
	shown    int // lines of the log already printed
	lastLine time.Time
}

const (
	frameEvery = 250 * time.Millisecond
	lineEvery  = 5 * time.Second
)

// New returns a screen that writes to out.
func New(out io.Writer) *Screen {
	s := &Screen{out: out, fd: -1}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.fd = int(f.Fd())
	}
	return s
}

// Terminal tells whether a person sees pictures, and not lines.
func (s *Screen) Terminal() bool { return s.fd >= 0 }

// Watch shows pictures until the function that it returns is called, or ctx
// ends: the next signal ends the process, and must find the terminal restored.
func (s *Screen) Watch(ctx context.Context, picture func() Picture) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	s.begin()
	go func() {
		defer close(ended)
		defer s.end()
		tick := time.NewTicker(frameEvery)
		defer tick.Stop()
		for {
			s.show(picture())
			select {
			case <-tick.C:
			case <-done:
				s.show(picture())
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// begin and end bracket the pictures of one run.
func (s *Screen) begin() {
	s.shown, s.lastLine = 0, time.Now()
	if s.Terminal() {
		fmt.Fprint(s.out, "\x1b[?1049h\x1b[?25l")
	}
}

func (s *Screen) end() {
	if s.Terminal() {
		fmt.Fprint(s.out, "\x1b[?25h\x1b[?1049l")
	}
}

func (s *Screen) show(p Picture) {
	if s.Terminal() {
		s.draw(p)
		return
	}
	log := p.Log()
	for _, e := range log[min(s.shown, len(log)):] {
		fmt.Fprintln(s.out, e)
	}
	s.shown = len(log)
	if time.Since(s.lastLine) >= lineEvery {
		s.lastLine = time.Now()
		fmt.Fprintln(s.out, p.Plain())
	}
}

func (s *Screen) draw(p Picture) {
	width, height, err := term.GetSize(s.fd)
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, l := range p.Lines(width, height-1) {
		b.WriteString(l + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(s.out, b.String())
}
