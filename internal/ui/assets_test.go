package ui

import (
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	page := s.do(http.MethodGet, "/", "")
	if got := page.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Error(got)
	}
	if page.Header.Get("Cache-Control") != "no-cache" || page.Header.Get("ETag") == "" {
		t.Errorf("the page's caching: %v", page.Header)
	}
	refs := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(refs) < 6 {
		t.Fatalf("only %d references in the page", len(refs))
	}
	for _, ref := range refs {
		r := s.do(http.MethodGet, ref[1], "")
		want := map[string]string{
			".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
		}[path.Ext(ref[1])]
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != want || r.body == "" {
			t.Errorf("%s: %d, %s", ref[1], r.StatusCode, r.Header.Get("Content-Type"))
		}
		if got := r.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %s", ref[1], got)
		}
	}
}

// Modules import each other by relative paths, so those carry the version.
func TestImportedModulesExist(t *testing.T) {
	a := embedded()
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	n := 0
	for name, f := range a.files {
		if path.Ext(name) != ".js" || strings.Contains(name, "/") {
			continue
		}
		for _, m := range imports.FindAllStringSubmatch(string(f.content), -1) {
			n++
			if _, ok := a.files[m[1]]; !ok {
				t.Errorf("%s imports %s", name, m[1])
			}
		}
	}
	if n < 10 {
		t.Errorf("found only %d imports", n)
	}
}

func TestAssetCaching(t *testing.T) {
	s := newStand(t, newFake(), Options{})
	plain := s.do(http.MethodGet, "/assets/page.js", "")
	if plain.StatusCode != http.StatusOK || plain.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("%d %v", plain.StatusCode, plain.Header)
	}
	if r := s.do(http.MethodGet, "/assets/page.js", "", header("If-None-Match", plain.Header.Get("ETag"))); r.StatusCode != http.StatusNotModified {
		t.Errorf("known: %d", r.StatusCode)
	}
	if r := s.do(http.MethodHead, "/assets/page.js", ""); r.StatusCode != http.StatusOK || r.body != "" {
		t.Errorf("HEAD: %d %q", r.StatusCode, r.body)
	}
	for _, name := range []string{"nothing.js", "index.html", "", "0123456789ab/page.js", "%2e%2e/page.go"} {
		if r := s.do(http.MethodGet, "/assets/"+name, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	if r := s.do(http.MethodPost, "/assets/page.js", "{}"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

// The page works without a network, and what the server says never becomes
// markup.
func TestScriptsStayOnThisMachine(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://`)
	err := fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(name, "uplot/") || path.Ext(name) == ".svg" {
			return err
		}
		b, err := files.ReadFile(name)
		text := strings.ReplaceAll(string(b), "http://www.w3.org/2000/svg", "")
		if got := bad.FindString(text); got != "" {
			t.Errorf("%s has %q", name, got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVendoredFilesCarryTheirLicence(t *testing.T) {
	for _, name := range []string{"uplot/uPlot.iife.min.js", "uplot/uPlot.min.css"} {
		text := string(embedded().files[name].content)
		for _, want := range []string{"/*!", "Copyright (c) 2022 Leon Sorokin", "Permission is hereby granted", "WITHOUT WARRANTY OF ANY KIND"} {
			if !strings.Contains(text[:min(2000, len(text))], want) {
				t.Errorf("%s: no %q at its head", name, want)
			}
		}
	}
}
