package config

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type colour string

func (c *colour) UnmarshalText(b []byte) error {
	if !slices.Contains(c.Allowed(), string(b)) {
		return errors.New("no such colour")
	}
	*c = colour(b)
	return nil
}

func (*colour) Allowed() []string { return []string{"red", "green", "blue"} }

// pin fails with its input in the message, as many parsers do.
type pin string

func (p *pin) UnmarshalText(b []byte) error {
	if len(b) != 4 {
		return fmt.Errorf("%q has not four digits", b)
	}
	*p = pin(b)
	return nil
}

type route struct {
	Path   string `yaml:"path,required"`
	Weight int    `yaml:"weight"`
	Pos    Pos    `yaml:"-"`
}

func (r route) Validate(at At) {
	if r.Weight > 10 {
		at.Errorf("weight", "found %s, allowed: 0 to 10", at.Found("weight", r.Weight))
	}
}

type limits struct {
	Idle time.Duration `yaml:"idle_timeout"`
	Body Size          `yaml:"body"`
}

type sample struct {
	Version int               `yaml:"version,required"`
	Listen  string            `yaml:"listen"`
	On      bool              `yaml:"on"`
	Ratio   float64           `yaml:"ratio"`
	Port    uint16            `yaml:"port"`
	Colour  colour            `yaml:"colour"`
	Pin     pin               `yaml:"pin"`
	Key     Secret            `yaml:"key"`
	Limits  limits            `yaml:"limits"`
	Extra   *limits           `yaml:"extra"`
	Routes  []route           `yaml:"routes,many"`
	Labels  map[string]string `yaml:"labels"`
}

func TestParse(t *testing.T) {
	t.Setenv("EK_TEST_PORT", "8443")
	t.Setenv("EK_TEST_NAME", "file:/etc/passwd")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "key"), "s3cret\r\n")
	text := "\xef\xbb\xbf" + strings.ReplaceAll(`version: 1
listen: ":${EK_TEST_PORT}"
on: true
ratio: 0.5
port: ${EK_TEST_PORT}
colour: green
pin: "0042"
key: file:key
limits: &l {idle_timeout: 1m30s, body: 64KiB}
extra: *l
routes: {path: /, weight: 3}
labels: {a: "$${literal}", b: 1.30, c: "${EK_TEST_NAME}", d: 'x$', e: ""}
`, "\n", "\r\n")
	got := sample{Listen: "default", Limits: limits{Body: 5}}
	if err := Parse(filepath.Join(dir, "x.yaml"), []byte(text), &got); err != nil {
		t.Fatal(err)
	}
	l := limits{Idle: 90 * time.Second, Body: 64 << 10}
	want := sample{Version: 1, Listen: ":8443", On: true, Ratio: 0.5, Port: 8443, Colour: "green", Pin: "0042", Key: "s3cret",
		Limits: l, Extra: &l, Routes: []route{{Path: "/", Weight: 3, Pos: Pos{filepath.Join(dir, "x.yaml"), 11, 9}}},
		Labels: map[string]string{"a": "${literal}", "b": "1.30", "c": "file:/etc/passwd", "d": "x$", "e": ""}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDefaultsStayWithoutAKey(t *testing.T) {
	got := sample{Listen: "default", Limits: limits{Idle: time.Hour, Body: 5}}
	if err := Parse("x.yaml", []byte("version: 1\nlimits: {body: 7}\nroutes:\n"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Listen != "default" || got.Limits.Idle != time.Hour || got.Limits.Body != 7 || got.Routes != nil {
		t.Errorf("got %+v", got)
	}
}

// Each archive of testdata/errors is a file and the errors it must give, word
// for word.
func TestErrors(t *testing.T) {
	t.Setenv("EK_TEST_SECRET", "hunter2-hunter2")
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			before := sample{Listen: "untouched"}
			v := before
			err = Parse(filepath.Base(f), data, &v)
			if err == nil {
				t.Fatal("no error")
			}
			if !reflect.DeepEqual(v, before) {
				t.Errorf("half applied: %+v", v)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is printed: %v", err)
			}
			golden := strings.TrimSuffix(f, ".yaml") + ".txt"
			if *update {
				write(t, golden, err.Error()+"\n")
			}
			want, rerr := os.ReadFile(golden)
			if rerr != nil {
				t.Fatal(rerr)
			}
			if d := cmp.Diff(string(want), err.Error()+"\n"); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	laughs := "version: 1\nlabels:\n  a: &a x\nroutes: [" + strings.Repeat("{path: *a},", 30_000) + "]\n"
	var v sample
	if err := Parse("x.yaml", []byte(laughs), &v); err != nil {
		t.Errorf("30,000 plain aliases: %v", err)
	}
	type nest struct {
		Next []nest `yaml:"next"`
	}
	bomb := "next:\n- &a0 {next: []}\n"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("- &a%d {next: [%s]}\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	loop := "next: &a [{next: *a}]\n"
	deep := strings.Repeat("{next: [", 500) + strings.Repeat("]}", 500)
	for name, text := range map[string]string{"bomb": bomb, "loop": loop, "deep": deep} {
		var n nest
		err := Parse("x.yaml", []byte(text), &n)
		if err == nil || !strings.Contains(err.Error(), "nested too deep or repeated too often") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := Parse("x.yaml", make([]byte, MaxFileBytes+1), &v); err == nil || !strings.Contains(err.Error(), "allowed: at most 1048576") {
		t.Errorf("too large: %v", err)
	}
	many := "version: 1\n"
	for i := range 80 {
		many += fmt.Sprintf("nokey%d: 1\n", i)
	}
	if err := Parse("x.yaml", []byte(many), &v); err == nil || !strings.HasSuffix(err.Error(), "and 30 more") {
		t.Errorf("80 errors: %v", err)
	}
}

func TestFileValues(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "big"), strings.Repeat("x", MaxValueBytes+1))
	for value, want := range map[string]string{
		"file:absent": "no such file",
		"file:big":    "has more than 65536 bytes",
		"file:.":      "is not a regular file",
		"file:":       "file: without a path",
	} {
		var v sample
		err := Parse(filepath.Join(dir, "x.yaml"), []byte("version: 1\nlisten: "+`"`+value+`"`), &v)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "x.yaml:2:9: listen: ") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

func TestLoadAndFindUp(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(filepath.Join(deep, "evenkeel-test.yaml"), 0o755); err != nil { // a folder of that name is passed over
		t.Fatal(err)
	}
	if _, err := FindUp("evenkeel-test.yaml", deep); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), deep) {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(dir, "evenkeel-test.yaml"), "version: 3\n")
	path, err := FindUp("evenkeel-test.yaml", deep)
	if err != nil || path != filepath.Join(dir, "evenkeel-test.yaml") {
		t.Fatalf("found %s, %v", path, err)
	}
	var v sample
	if err := Load(path, &v); err != nil || v.Version != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := Load(filepath.Join(dir, "none.yaml"), &v); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := Load(path, v); err == nil {
		t.Error("a destination that is no pointer was accepted")
	}
}

func TestMasked(t *testing.T) {
	t.Setenv("EK_TEST_SECRET", "hunter2")
	out, err := Masked("x.yaml", []byte(`a: ${EK_TEST_SECRET}
b: ["redis://u:${UNSET_IS_FINE}@h", "$${plain}", "file:key"] # why
c: {d: 5, "${key}": x}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `a: "***"
b: ["***", "$${plain}", "***"] # why
c: {d: 5, "${key}": x}
`
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Error(d)
	}
}

func TestSecretPrintsNowhere(t *testing.T) {
	type creds struct{ Key Secret }
	c := creds{"hunter2"}
	b, err := c.Key.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %s %v", c, c, c, c.Key, c.Key, b, c.Key.LogValue())
	if strings.Contains(all, "hunter2") || c.Key.Reveal() != "hunter2" || Secret("").String() != "" {
		t.Error(all)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "512": 512, "64KiB": 65536, "64 KiB": 65536, "10MB": 10e6, "1GiB": 1 << 30, "7B": 7} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
		var again Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%s prints as %s", text, s)
		}
	}
	for _, text := range []string{"", "-1", "x", "1.5MB", "9223372036854775807KiB", "KiB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was accepted as %d", text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nroutes: [{path: /}]\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("<<: {version: 1}\nlisten: ${HOME}\n"))
	f.Add([]byte("version: !!binary aGVsbG8=\nlabels: {? [a]: b}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file:") {
			return // would read whatever the fuzzer names
		}
		v := sample{Listen: "untouched"}
		if err := Parse("x.yaml", data, &v); err != nil {
			if !reflect.DeepEqual(v, sample{Listen: "untouched"}) {
				t.Errorf("half applied: %+v", v)
			}
			if !strings.HasPrefix(err.Error(), "x.yaml") {
				t.Errorf("no file in %v", err)
			}
		}
		if _, err := Masked("x.yaml", data); err != nil && !strings.HasPrefix(err.Error(), "x.yaml") {
			t.Errorf("no file in %v", err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
