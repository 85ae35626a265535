package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runCommand(args ...string) (code int, out, errs string) {
	var stdout, stderr strings.Builder
	code = command(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCommandLines(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "no program"},
		{[]string{"--help"}, 0, "-withdraw"},
		{[]string{"--no-such-flag"}, 2, "no-such-flag"},
		{[]string{"--listen", ":1", "--", "true"}, 2, "go together"},
		{[]string{"--admin", "", "--", "no-such-program-here"}, 127, "not in PATH"},
		{[]string{"version"}, 0, "evenkeel-run"},
		{[]string{"drain", "--help"}, 0, "-wait"},
		{[]string{"drain", "now"}, 2, "no arguments"},
		{[]string{"drain", "--wait", "soon"}, 2, "wait"},
		{[]string{"drain", "--admin", nobody}, 2, nobody},
		{[]string{"install"}, 2, "one path"},
		{[]string{"install", "/no/such/folder/x"}, 2, "no such file"},
	} {
		if code, out, errs := runCommand(tc.args...); code != tc.code || !strings.Contains(out+errs, tc.says) {
			t.Errorf("%q: %d, want %d and %q:\n%s%s", tc.args, code, tc.code, tc.says, out, errs)
		}
	}
}

func TestInstallCopiesTheProgram(t *testing.T) {
	to := filepath.Join(t.TempDir(), "evenkeel-run")
	if code, _, errs := runCommand("install", to); code != 0 {
		t.Fatal(code, errs)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(to); err != nil || got.Size() != want.Size() || got.Mode()&0o111 == 0 {
		t.Errorf("%v, %v", got, err)
	}
}
