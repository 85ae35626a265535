package redisstore

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// received is how many bytes the server has been sent, by this connection's
// question too.
func (r *rig) received(t *testing.T) int64 {
	t.Helper()
	info, err := r.client.Do(t.Context(), r.client.B().Info().Section("stats").Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "total_net_input_bytes:")
	n, err := strconv.ParseInt(rest[:strings.IndexByte(rest, '\r')], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A write of 16 bytes takes less than 400, whatever else the session holds.
func TestAWriteIsSmallOnTheWire(t *testing.T) {
	r := newRig(t, redistest.Start(t), setTo("large", strings.Repeat("x", 16<<10)))
	least := int64(1 << 30)
	for i := range 5 { // the link may ask the server something of its own
		before := r.received(t)
		question := r.received(t) - before
		c := session.Change{WriteID: fmt.Sprintf("0123456789abcde%d", i), Generation: 1, NotAfter: r.clock.Now().AddDate(100, 0, 0),
			Ops: []session.Op{setTo("attribute", "0123456789abcdef")}}
		before = r.received(t)
		if _, err := r.Commit(t.Context(), r.key, c); err != nil {
			t.Fatal(err)
		}
		least = min(least, r.received(t)-before-question)
	}
	if t.Logf("%d bytes", least); least >= 400 || least < 16 {
		t.Errorf("a commit of 16 bytes sends %d, want less than 400", least)
	}
}

// Scripts name one key, keep off what rounds numbers, and a commit never reads
// all of a session.
func TestScriptsKeepTheRules(t *testing.T) {
	for name, files := range map[string][]string{
		"load": loadFiles, "inspect": inspectFiles, "commit": commitFiles, "invalidate": invalidateFiles, "destroy": destroyFiles,
	} {
		text := source(files)
		for _, forbidden := range []string{"cjson", "KEYS[2]", "redis.pcall"} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s uses %s", name, forbidden)
			}
		}
		if all := strings.Contains(text, "HGETALL"); all != (name == "load" || name == "inspect") {
			t.Errorf("%s reads all of a session: %v", name, all)
		}
		for _, call := range regexp.MustCompile(`call\('[A-Z]+'[^)]*`).FindAllString(text, -1) {
			if !strings.Contains(call, "'TIME'") && !strings.Contains(call, ", key") {
				t.Errorf("%s: %q names another key", name, call)
			}
		}
	}
}

func TestKeysOfOneSessionShareASlot(t *testing.T) {
	keys, err := newKeyspace("shop", "")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[session.Key]string{
		"AAAAAAAAAAAAAAAA": "{ek:shop:000}s:AAAAAAAAAAAAAAAA",
		"AEAAAAAAAAAAAAAA": "{ek:shop:001}s:AEAAAAAAAAAAAAAA", // the second character counts for four bits
		"BAAAAAAAAAAAAAAA": "{ek:shop:010}s:BAAAAAAAAAAAAAAA",
		"_-_-_-_-_-_-_-_-": "{ek:shop:3ff}s:_-_-_-_-_-_-_-_-",
	} {
		if name, ok := keys.appendSession(nil, key); string(name) != want || !ok {
			t.Errorf("%s: got %s, %v, want %s", key, name, ok, want)
		}
	}
	for _, key := range []session.Key{"", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA}", "AAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAA\x00", "äAAAAAAAAAAAAAA"} {
		if name, ok := keys.appendSession(nil, key); ok {
			t.Errorf("%q: got %s", key, name)
		}
	}
}

// What is no key names no session, and never reaches the server.
func TestWhatIsNoKeyNamesNothing(t *testing.T) {
	s, err := New("redis://127.0.0.1:1", Options{Service: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Load(t.Context(), "{x}", session.LoadOptions{}); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("load: %v", err)
	}
	if _, err := s.Inspect(t.Context(), "{x}"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("inspect: %v", err)
	}
	if _, err := s.Commit(t.Context(), "{x}", session.Change{WriteID: "w"}); !errors.Is(err, session.ErrMalformed) {
		t.Errorf("commit: %v", err)
	}
}

func TestKeyspacesAreRefused(t *testing.T) {
	for _, opt := range []Options{{}, {Service: "a", Prefix: "b"}, {Service: "a{b"}, {Prefix: "a}"}} {
		if _, err := New("redis://127.0.0.1", opt); err == nil {
			t.Errorf("%+v was taken", opt)
		}
	}
	if _, err := New("ftp://127.0.0.1", Options{Service: "shop"}); err == nil {
		t.Error("a URL of another scheme was taken")
	}
}

// An operator sees all but what opens the session, and leaves no trace.
func TestInspectShowsWithoutOpening(t *testing.T) {
	r, _ := signedIn(t, redistest.Start(t))
	before := r.fields(t)
	rec, err := r.Inspect(t.Context(), r.key)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Verifier != (session.Hash{}) || rec.Superseded != nil || rec.Principal != "alice" || string(rec.Attributes["a"]) != "1" || !rec.Now.Equal(r.clock.Now()) {
		t.Errorf("got %+v", rec)
	}
	end := r.change("end")
	end.Generation, end.Invalidate = 2, session.ReasonRevoked
	if fmt.Sprint(r.fields(t)) != fmt.Sprint(before) {
		t.Error("it was recorded")
	}
	if _, err := r.Commit(t.Context(), r.key, end); err != nil {
		t.Fatal(err)
	}
	if rec, err := r.Inspect(t.Context(), r.key); err != nil || rec.Gone != session.ReasonRevoked || rec.Principal != "" {
		t.Errorf("a tombstone: got %+v, %v", rec, err)
	}
	if _, err := r.Inspect(t.Context(), "never-was-one___"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
}
