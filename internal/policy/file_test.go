package policy

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// files of a folder of testdata, at least n.
func files(t *testing.T, folder string, n int) []string {
	t.Helper()
	t.Setenv("EK_TEST_STORE", "redis://:hunter2@redis:6379")
	t.Setenv("EK_TEST_TAG", "1.2")
	all, err := filepath.Glob("testdata/" + folder + "/*.yaml")
	if err != nil || len(all) < n {
		t.Fatalf("%d files in %s, %v", len(all), folder, err)
	}
	return all
}

func TestGood(t *testing.T) {
	for _, f := range files(t, "good", 5) {
		if p, err := Load(f); err != nil || !p.Stated() || len(p.Services) == 0 {
			t.Errorf("%s: %v, %v", f, p, err)
		}
	}
}

// Every bad file's errors are in errors.txt, word for word.
func TestBad(t *testing.T) {
	var out strings.Builder
	for _, f := range append(files(t, "bad", 25), files(t, "beyond", 8)...) {
		_, err := Load(f)
		if err == nil {
			t.Errorf("%s was taken", f)
			continue
		}
		out.WriteString(err.Error() + "\n")
	}
	golden(t, "testdata/errors.txt", out.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-update rewrites it): %s", path, d)
	}
}

func TestOneService(t *testing.T) {
	files(t, "good", 1)
	p, err := Load("testdata/good/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := p.Service("SHOP")
	if s == nil || p.Service("other") != nil || s.Session.Cookie != "__Host-session" || *s.Session.IdleTimeout != 30*time.Minute ||
		s.Session.Home() != "external" || !s.Session.Redis() || *s.Shutdown.Streams != time.Minute || p.Kubernetes.MinVersion != (Version{1, 30}) || s.Pos.Line != 1 {
		t.Errorf("got %+v", s)
	}
	p, err = Load("testdata/good/least.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Service("anything"); s == nil || s.Session.Home() != "" || s.Shutdown.Withdraw != nil {
		t.Errorf("got %+v", s)
	}
}

// A service says only what differs, false and 0 s among it.
func TestServicesBeginWithTheDefaults(t *testing.T) {
	files(t, "good", 1)
	p, err := Load("testdata/good/services.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shop, docs := p.Service("shop"), p.Service("docs-2")
	if len(p.Services) != 2 || shop == nil || docs == nil || p.Service("other") != nil {
		t.Fatalf("got %+v", p.Services)
	}
	if shop.Shutdown.LameDuck || *shop.Shutdown.Requests != 10*time.Second || *shop.Shutdown.Streams != 90*time.Second ||
		*shop.Session.IdleTimeout != 20*time.Minute || len(shop.Routers) != 2 || shop.Pos.Line != 7 {
		t.Errorf("shop %+v", shop)
	}
	if !docs.Shutdown.LameDuck || docs.Shutdown.Streams != nil || docs.Session.Home() != "memory" || *docs.Session.AbsoluteTimeout != 0 ||
		docs.Port != 9000 || len(docs.Routers) != 1 || docs.Routers[0] != IngressNginx {
		t.Errorf("docs %+v", docs)
	}
}

func TestForNamesAService(t *testing.T) {
	files(t, "good", 1)
	var f File
	if err := config.Load("testdata/good/services.yaml", &f); err != nil {
		t.Fatal(err)
	}
	if f.For("Docs-2").Port != 9000 || f.For("other").Port != 0 || !f.For("other").Shutdown.LameDuck {
		t.Errorf("got %+v, %+v", f.For("Docs-2"), f.For("other"))
	}
}

func TestASecretIsNotPrinted(t *testing.T) {
	files(t, "good", 1)
	t.Setenv("EK_TEST_STORE", "mysql://u:hunter2@h/db")
	_, err := Load("testdata/good/environment.yaml")
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "session.store") {
		t.Errorf("got %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a")
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if p, err := Find(deep); err != nil || p.Stated() {
		t.Fatalf("got %v, %v", p, err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := Find(deep); err != nil || p.Path != filepath.Join(dir, FileName) {
		t.Errorf("got %+v, %v", p, err)
	}
}
