package affinity

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func ring(t *testing.T, seeds ...byte) *Ring {
	t.Helper()
	var secrets [][]byte
	for _, s := range seeds {
		secrets = append(secrets, []byte(strings.Repeat(string(rune(s)), MinKeyBytes)))
	}
	r, err := NewRing(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTokensDependOnEverything(t *testing.T) {
	a := ring(t, 'a')
	base := a.Tokens("shop", "t1", "")[0]
	if again := ring(t, 'a').Tokens("shop", "t1", "")[0]; again != base {
		t.Errorf("two rings of one key disagree: %s, %s", base, again)
	}
	others := map[string]Token{
		"key":         ring(t, 'b').Tokens("shop", "t1", "")[0],
		"group":       a.Tokens("shop2", "t1", "")[0],
		"target":      a.Tokens("shop", "t2", "")[0],
		"incarnation": a.Tokens("shop", "t1", "2")[0],
		"boundary":    a.Tokens("shopt", "1", "")[0],
	}
	seen := map[Token]string{base: "base"}
	for what, tok := range others {
		if of, dup := seen[tok]; dup {
			t.Errorf("%s has the token of %s", what, of)
		}
		seen[tok] = what
	}
}

func TestRotation(t *testing.T) {
	before, during, after := ring(t, 'a', 'b'), ring(t, 'b', 'a'), ring(t, 'b')
	old := before.Tokens("g", "t", "")
	mid := during.Tokens("g", "t", "")
	if old[0] != mid[1] || old[1] != mid[0] {
		t.Errorf("promoting a key changed tokens: %v, %v", old, mid)
	}
	if last := after.Tokens("g", "t", ""); len(last) != 1 || last[0] != mid[0] {
		t.Errorf("got %v, want %v", last, mid[:1])
	}
}

func TestNewRingRefuses(t *testing.T) {
	good := []byte(strings.Repeat("k", 32))
	for name, secrets := range map[string][][]byte{"none": nil, "short": {good[:31]}, "twice": {good, good}} {
		if _, err := NewRing(secrets...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := ReadRing(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	tokens := make([]Token, 8)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			r, err := OpenRing(path)
			if err != nil {
				t.Error(err)
				return
			}
			tokens[i] = r.Tokens("g", "t", "")[0]
		})
	}
	wg.Wait()
	for _, tok := range tokens {
		if tok != tokens[0] {
			t.Errorf("processes that opened one file disagree: %v", tokens)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for text, want := range map[string]string{"!!!\n": "keys:1: not base64", "": "no key", "a2V5\n": "has 3 bytes"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRing(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	two := "\n" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("b", 32))) + "\r\n# old\n" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 32)))
	if err := os.WriteFile(path, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := ReadRing(path)
	if err != nil || r.Tokens("g", "t", "")[1] != ring(t, 'a').Tokens("g", "t", "")[0] {
		t.Errorf("%v", err)
	}
}

func TestFind(t *testing.T) {
	tok := ring(t, 'a').Tokens("g", "t", "")[0]
	b := NewBinding()
	v := tok.Cookie(b)
	for name, tc := range map[string]struct {
		lines []string
		ok    bool
	}{
		"alone":              {[]string{"ek=" + v}, true},
		"among others":       {[]string{"a=b; ek=" + v + "; c=d"}, true},
		"tight":              {[]string{"a=b;ek=" + v + ";c=d"}, true},
		"second line":        {[]string{"a=b", "ek=" + v}, true},
		"quoted":             {[]string{`ek="` + v + `"`}, true},
		"after a broken one": {[]string{"ek=x; ek=" + v}, true},
		"other name":         {[]string{"xek=" + v + "; ek2=" + v}, false},
		"as a value":         {[]string{"a=ek=" + v}, false},
		"truncated":          {[]string{"ek=" + v[:len(v)-1]}, false},
		"longer":             {[]string{"ek=" + v + "A"}, false},
		"no dot":             {[]string{"ek=" + strings.Replace(v, ".", "-", 1)}, false},
		"foreign byte":       {[]string{"ek=" + v[:3] + "+" + v[4:]}, false},
		"none":               {nil, false},
		"semicolons":         {[]string{";;; ;"}, false},
	} {
		gotT, gotB, ok := Find(tc.lines, "ek")
		if ok != tc.ok || ok && (gotT != tok || gotB != b) {
			t.Errorf("%s: got %q %q %v", name, gotT, gotB, ok)
		}
	}
	lines := []string{"a=b; ek=" + v}
	if n := testing.AllocsPerRun(100, func() { Find(lines, "ek") }); n != 0 {
		t.Errorf("Find allocates %v times", n)
	}
}

func TestBindings(t *testing.T) {
	var s Bindings
	now := time.Unix(1000, 0)
	a, b := NewBinding(), NewBinding()
	if s.Count(now, time.Minute) != 0 || a == b {
		t.Fatal("not empty, or not random")
	}
	s.Touch(a, now, false)
	s.Touch(b, now.Add(30*time.Second), false)
	s.Touch(a, now, false)
	for after, want := range map[time.Duration]int{30 * time.Second: 2} {
		if got := s.Count(now.Add(after), time.Minute); got != want {
			t.Errorf("after %v: %d bound, want %d", after, got, want)
		}
	}
	if got := s.Count(now.Add(time.Minute), time.Minute); got != 1 {
		t.Errorf("at the idle time-out: %d bound, want 1", got)
	}
	s.Remove(b)
	if got := s.Count(now, time.Minute); got != 0 {
		t.Errorf("%d bound after removal", got)
	}
	if s.Any(now, time.Minute) {
		t.Error("any of none")
	}
	// One that came back counts for its idle time, one that did not for a minute.
	s.Touch(a, now, false)
	s.Touch(a, now, false)
	s.Touch(b, now, false)
	if got := s.Count(now.Add(OnceIdle-1), time.Hour); got != 2 {
		t.Errorf("%d bound", got)
	}
	if got := s.Count(now.Add(OnceIdle), time.Hour); got != 1 || !s.Any(now.Add(time.Hour-1), time.Hour) || s.Any(now.Add(time.Hour), time.Hour) {
		t.Errorf("%d bound", got)
	}
	s.Touch(a, now, false)
	s.Clear()
	if got := s.Count(now, time.Minute); got != 0 {
		t.Errorf("%d bound after Clear", got)
	}

	// One that the client sent counts for its idle time at once.
	c := BindingOf(7)
	s.Touch(c, now, true)
	if s.Has(c, now.Add(time.Hour), time.Hour) || !s.Has(c, now.Add(time.Hour-1), time.Hour) || s.Has(a, now, time.Hour) {
		t.Error("has a binding that is gone, or lacks one that is there")
	}
	s.Touch(b, now, false)
	if !s.Has(b, now.Add(OnceIdle-1), time.Hour) || s.Has(b, now.Add(OnceIdle), time.Hour) {
		t.Error("a binding that never came back counts too long or too short")
	}
	if BindingOf(7) != c || BindingOf(8) == c {
		t.Error("bindings of hashes")
	}
}

func TestValue(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  string
	}{
		"alone":         {[]string{"app=x"}, "x"},
		"among others":  {[]string{"a=b; app=x=y; c=d"}, "x=y"},
		"second line":   {[]string{"a=b", "app=x"}, "x"},
		"quoted":        {[]string{`app="x y"`}, "x y"},
		"after empties": {[]string{`app=; app=""; app; app=x`}, "x"},
		"first of two":  {[]string{"app=x; app=y"}, "x"},
		"none":          {nil, ""},
		"other names":   {[]string{"xapp=1; app2=2; App=3; a=app=4"}, ""},
	} {
		if got := Value(tc.lines, "app"); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	lines := []string{"a=b; app=x"}
	if n := testing.AllocsPerRun(100, func() { Value(lines, "app") }); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

// What Parse accepts is exactly what Cookie writes.
func FuzzParse(f *testing.F) {
	f.Add(RandomRing().Tokens("g", "t", "")[0].Cookie(NewBinding()))
	f.Add("")
	f.Add(strings.Repeat("A", tokenLen) + "." + strings.Repeat("=", bindingLen))
	f.Fuzz(func(t *testing.T, v string) {
		tok, b, ok := Parse(v)
		if ok && tok.Cookie(b) != v {
			t.Errorf("%q reads as %q %q", v, tok, b)
		}
		if ok && strings.ContainsAny(v, "; \r\n\t,\"") {
			t.Errorf("%q would break a header", v)
		}
		if ft, fb, fok := Find([]string{"ek=" + v}, "ek"); ok && (!fok || ft != tok || fb != b) {
			t.Errorf("Find loses %q", v)
		}
	})
}
