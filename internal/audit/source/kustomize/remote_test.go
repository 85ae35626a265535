package kustomize

import "testing"

func TestRemote(t *testing.T) {
	for _, path := range []string{
		"https://example.com/x.yaml", "HTTP://example.com/x.yaml", "git::https://example.com/r", "ssh://git@example.com/r", "git@github.com:acme/r.git",
		"github.com/acme/r?ref=main", "GitHub.com/acme/r", "github.com:acme/r", "org-12@example.com:r", "file:///etc", "a.yaml=https://example.com/x", "gh:acme/r",
	} {
		if !remote(path) {
			t.Errorf("%s is taken for a file", path)
		}
	}
	for _, path := range []string{"../base", "base", "./deploy.yaml", "../../shop@2/base", "a.properties=conf/a.properties", "git/shop.yaml", "my.github.com/x"} {
		if remote(path) {
			t.Errorf("%s is taken for an address", path)
		}
	}
}
