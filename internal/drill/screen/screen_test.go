package screen

import (
	"bytes"
	"testing"
)

type picture []string

func (p picture) Lines(int, int) []string { return nil }
func (p picture) Plain() string           { return "so far so good" }
func (p picture) Log() []string           { return p }

// Without a terminal each line of the log is said once.
func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	s := New(&out)
	s.begin()
	s.show(picture{"one"})
	s.show(picture{"one"})
	s.show(picture{"one", "two"})
	s.end()
	if want := "one\ntwo\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	s.lastLine = s.lastLine.Add(-lineEvery)
	s.show(picture{"one", "two"})
	if want := "one\ntwo\nso far so good\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
