package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// unknownWords are the flags that a text names and no help has.
func unknownWords(text, help string) (unknown []string, named int) {
	has := regexp.MustCompile(`--[a-z][\w-]*`).FindAllString(help, -1)
	for _, name := range regexp.MustCompile(`--[a-z][\w-]*`).FindAllString(text, -1) {
		named++
		if !slices.Contains(has, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown, named
}

// Each flag that the guide of the drill names is one of its commands'; a flag
// that is none is found.
func TestFlagsOfTheDrill(t *testing.T) {
	command, help := evenkeel(t), ""
	for _, sub := range []string{"", "init", "report", "serve"} {
		out, err := exec.CommandContext(t.Context(), command, append(strings.Fields("drill "+sub), "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		help += string(out)
	}
	text := read(t, guides+"/drill.md")
	if unknown, named := unknownWords(text, help); len(unknown) > 0 || named < 10 {
		t.Errorf("of %d flags there are none named %q", named, unknown)
	}
	if unknown, _ := unknownWords("`--html FILE`, `--summary`", help); !slices.Equal(unknown, []string{"--summary"}) {
		t.Errorf("the planted flag: %q", unknown)
	}
}

// The files of the guide are files that the drill takes.
func TestFilesOfTheDrill(t *testing.T) {
	t.Setenv("DRILL_PASSWORD", "x")
	n := 0
	for _, b := range blocks("drill", read(t, guides+"/drill.md")) {
		text := b.text
		if b.lang != "yaml" || strings.HasPrefix(text, "apiVersion:") {
			continue
		}
		if strings.HasPrefix(text, "events:") { // a part of one
			text = "version: 1\ntarget: http://127.0.0.1:8080\nprobe: {secret: a-secret-of-more-than-24-bytes}\n" + text
		}
		n++
		file := filepath.Join(t.TempDir(), "drill.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Load(file); err != nil {
			t.Errorf("%v: %v", b, err)
		}
	}
	if n < 2 {
		t.Errorf("%d files", n)
	}
}

// The table of exit codes is the verdicts'.
func TestExitCodesOfTheDrill(t *testing.T) {
	table := map[int]string{}
	for _, r := range rows(read(t, guides+"/drill.md")) {
		if code, err := strconv.Atoi(r[0]); err == nil && (code < 10 || code == 130) {
			table[code] = r[1]
		}
	}
	for v, says := range map[check.Verdict]string{
		check.VerdictPass: "pass", check.VerdictFail: "violation", check.VerdictInconclusive: "inconclusive",
		check.VerdictNotExercised: "not exercised", check.VerdictEventFailed: "event",
	} {
		if !strings.Contains(table[v.ExitCode()], says) {
			t.Errorf("%s is %d, and the table has %q", v, v.ExitCode(), table[v.ExitCode()])
		}
	}
	if len(table) != 6 {
		t.Errorf("exit codes %v", table)
	}
}
