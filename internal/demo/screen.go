package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// screen shows views: on a terminal the whole picture four times a second,
// elsewhere a line every five seconds and one per event.
type screen struct {
	out      io.Writer
	fd       int // of the terminal; -1 elsewhere
	shown    int // lines of the log already printed
	lastLine time.Time
}

const (
	frameEvery = 250 * time.Millisecond
	lineEvery  = 5 * time.Second
)

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, fd: -1}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.fd = int(f.Fd())
	}
	return s
}

func (s *screen) terminal() bool { return s.fd >= 0 }

// begin and end bracket the pictures of one run.
func (s *screen) begin() {
	s.shown, s.lastLine = 0, time.Now()
	if s.terminal() {
		fmt.Fprint(s.out, "\x1b[?1049h\x1b[?25l")
	}
}

func (s *screen) end() {
	if s.terminal() {
		fmt.Fprint(s.out, "\x1b[?25h\x1b[?1049l")
	}
}

func (s *screen) show(v view) {
	if s.terminal() {
		s.draw(v)
		return
	}
	for _, e := range v.log[min(s.shown, len(v.log)):] {
		fmt.Fprintln(s.out, e)
	}
	s.shown = len(v.log)
	if time.Since(s.lastLine) >= lineEvery {
		s.lastLine = time.Now()
		fmt.Fprintln(s.out, v.plain())
	}
}

func (s *screen) draw(v view) {
	width, height, err := term.GetSize(s.fd)
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, l := range v.lines(width, height-1) {
		b.WriteString(l + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(s.out, b.String())
}
