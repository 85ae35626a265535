package java_test

import (
	"encoding/base64"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// Whatever is written, it is read as java.util.Properties reads it.
func TestPropertiesAsJavaReadsThem(t *testing.T) {
	java, err := exec.LookPath("java")
	proctest.Require(t, "java", err)
	texts := propertiesTexts(2000)
	var in strings.Builder
	for _, text := range texts {
		in.WriteString(base64.StdEncoding.EncodeToString([]byte(text)) + "\n")
	}
	cmd := exec.Command(java, "-Xshare:auto", "testdata/Load.java")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(want) != len(texts) {
		t.Fatalf("java answers %d of %d", len(want), len(texts))
	}
	refused, many := 0, 0
	for i, text := range texts {
		if got := loaded(text); got != want[i] {
			t.Errorf("%q:\n%s, java: %s", text, got, want[i])
		}
		refused += strings.Count(want[i], "error")
		many += min(strings.Count(want[i], "=")/2, 1)
	}
	if refused == 0 || refused > len(texts)/2 || many < len(texts)/4 {
		t.Errorf("of %d texts java refuses %d, and reads several properties of %d: that shows little", len(texts), refused, many)
	}
}

// propertiesTexts are texts of the pieces that mean something, the same each
// time.
func propertiesTexts(n int) (all []string) {
	pieces := []string{"a", "b", "key", "=", "=", ":", " ", "\t", "\f", "\n", "\n", "\n", "\r\n", "\r", "\\", "\\\n", "\\\r\n", "\\ ", "\\=", "\\:", "\\#", "#", "!",
		"\\u00e9", "\\ud83d\\ude00", "\\n", "\\t", "\\u12", "é", "value", "x y"}
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		var b strings.Builder
		for range 1 + r.IntN(24) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		all = append(all, b.String()+"\nz") // of a backslash at the very end Java makes an empty name
	}
	return all
}

// loaded is what Load.java prints.
func loaded(text string) string {
	f, notes := source.Parse("application.properties", tree.Properties, []byte(text))
	if len(notes) > 0 {
		return "error "
	}
	last := map[string]string{}
	for _, d := range f.Docs {
		for _, n := range d.Root.Items {
			last[n.Key] = n.Value
		}
	}
	var pairs []string
	for k, v := range last {
		pairs = append(pairs, strings.ReplaceAll(k+"\x00"+v, "\ufffd", "?")) // half a pair, which Java cannot write either
	}
	slices.Sort(pairs)
	var b strings.Builder
	encode := base64.RawURLEncoding.EncodeToString
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "\x00")
		b.WriteString(encode([]byte(k)) + "=" + encode([]byte(v)) + " ")
	}
	return b.String()
}
