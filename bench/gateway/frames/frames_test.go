package frames

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestFramesComeAsTheyWent(t *testing.T) {
	for _, mask := range []bool{false, true} {
		var b bytes.Buffer
		sent := []string{"", "x", strings.Repeat("long", 31)}
		for _, s := range sent {
			if err := Write(&b, Text, []byte(s), mask); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(&b, Close, Status(1012), mask); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(&b)
		for _, s := range sent {
			if op, p, err := Read(r); op != Text || string(p) != s || err != nil {
				t.Errorf("mask %v: %q came as %d %q, %v", mask, s, op, p, err)
			}
		}
		if op, p, err := Read(r); op != Close || string(p) != "\x03\xf4" || err != nil {
			t.Errorf("Close came as %d %q, %v", op, p, err)
		}
		if _, _, err := Read(r); !errors.Is(err, io.EOF) {
			t.Errorf("the end: %v", err)
		}
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	for _, bad := range []string{"\x81", "\x81\x05ab", "\x81\x85abc", "\x81\xfe", "\x01\x01a", "HTTP"} {
		if _, _, err := Read(bufio.NewReader(strings.NewReader(bad))); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if Write(io.Discard, Text, make([]byte, 126), false) == nil {
		t.Error("a frame too long was written")
	}
}

// The example of RFC 6455, section 1.3.
func TestAccept(t *testing.T) {
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}
