package redisstore

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// documented is the command in the package's documentation that makes a user.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "ACL" {
			return words[1:]
		}
	}
	t.Fatal("the documentation names no permissions")
	return nil
}

// The permissions in the documentation are enough for all that a store does,
// and none of the commands of its scripts is missing.
func TestDocumentedPermissionsAreEnough(t *testing.T) {
	server := redistest.Start(t)
	command := documented(t)
	if _, err := server.Do(command...); err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	s, err := New("redis://shop:password@"+server.Addr, Options{Service: "shop", Connection: Connection{StrictServer: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for name, mode := range map[string]session.CacheMode{"off": session.CacheOff, "bounded": session.CacheBounded} {
		t.Run(name, func(t *testing.T) {
			sessiontest.Test(t, func(t *testing.T) sessiontest.Harness { return sessiontest.Harness{Store: inMode{s, mode}} })
		})
	}
	if _, err := s.Servers(t.Context()); err != nil {
		t.Errorf("servers: %v", err)
	}
	sessions := 0
	if err := s.Scan(t.Context(), func(session.Key, *session.Record) error { sessions++; return nil }); err != nil || sessions == 0 {
		t.Errorf("scan: %d sessions, %v", sessions, err)
	}
}

// A user who may not write keeps all sessions as they are and reads none as
// absent.
func TestMissingPermissionsAreNoVerdict(t *testing.T) {
	server := redistest.Start(t)
	r := newRig(t, server, setTo("a", "1"))
	before := r.fields(t)
	for _, missing := range []string{"-hset", "-hmget", "-evalsha -eval"} {
		user := append(documented(t), "~{"+string(r.keys)+"*")
		if _, err := server.Do(append(user, strings.Fields(missing)...)...); err != nil {
			t.Fatal(err)
		}
		s, err := New("redis://shop:password@"+server.Addr, Options{Prefix: string(r.keys), Cache: CacheOptions{MaxBytes: -1}})
		if err != nil {
			t.Fatal(err)
		}
		s.setClock(r.clock.Now)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := s.Commit(ctx, r.key, r.change("w"+missing, setTo("a", "2"))); err == nil || class(err) != "no verdict" {
			t.Errorf("%s: commit: %v", missing, err)
		}
		cancel()
		_ = s.Close()
	}
	if after := r.fields(t); len(after) != len(before) || after["_v"] != before["_v"] || after["@a"] != "1" {
		t.Errorf("it was %q and is %q", before, after)
	}
}
