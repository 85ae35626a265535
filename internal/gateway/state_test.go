package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/discover"
	"github.com/evenkeel/evenkeel/internal/target"
)

// kept are options with a state file.
func keptIn(path string, groups ...GroupOptions) Options {
	opt := options(groups...)
	opt.State = path
	return opt
}

func statePath(t *testing.T) string { return filepath.Join(t.TempDir(), "state", "gateway.json") }

func (f *fixture) end(t *testing.T) {
	t.Helper()
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, f *fixture, id, address string, status int) {
	t.Helper()
	f.call(t, "PUT", "/v1/groups/shop/targets/"+id, fmt.Sprintf(`{"address":%q}`, address)).want(t, status, "")
}

// fromSource is a target as a file would have it.
func fromSource(x target.Target) target.Target {
	x.Source = SourceFile
	return x
}

// What the API was told is there after a restart: targets, drains, and with
// the key beside the state every bound session.
func TestStateSurvivesARestart(t *testing.T) {
	path := statePath(t)
	a, b, c, d := app(t, "a", nil), app(t, "b", nil), app(t, "c", nil), app(t, "d", nil)
	group := sticky(target.Move, fromSource(c), fromSource(d))
	f := start(t, keptIn(path, group))
	put(t, f, "a", a.Address, 201)
	put(t, f, "b", b.Address, 201)
	put(t, f, "gone", "h:1", 201)
	f.call(t, "POST", "/v1/groups/shop/targets/b/drain?wait=10s", "").want(t, 200, "")
	f.call(t, "POST", "/v1/groups/shop/targets/c/drain?wait=10s", "").want(t, 200, "")
	f.call(t, "DELETE", "/v1/groups/shop/targets/gone?wait=10s", "").want(t, 200, "")
	began := f.status(t, "c").Since
	cookies, at := sessions(t, f.addr, 8)
	f.end(t)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}

	f = start(t, keptIn(path, group))
	eventually(t, "the state was read", func() bool { return f.ids(t, "shop") == "a b c d" })
	for id, want := range map[string]target.State{"a": target.Healthy, "b": target.Draining, "c": target.Draining, "d": target.Healthy} {
		if s := f.status(t, id); s.State != want || (s.Source == SourceAPI) != (id < "c") {
			t.Errorf("%s is %+v", id, s)
		}
	}
	if is := f.status(t, "c").Since; is.Sub(began).Abs() > time.Millisecond {
		t.Errorf("the drain began at %v, now it says %v", began, is)
	}
	for i, cookie := range cookies {
		once(t, f.addr, "GET", "/", "", cookie).want(t, 200, at[i])
	}
	put(t, f, "c", c.Address, 200) // brings it back
	f.end(t)

	f = start(t, keptIn(path, group))
	eventually(t, "the state was read", func() bool { return f.ids(t, "shop") == "a b c d" })
	if s := f.status(t, "c"); s.State != target.Healthy {
		t.Errorf("c is %+v", s)
	}
}

// Control: without the file nothing is kept.
func TestStateOff(t *testing.T) {
	for range 2 {
		f := start(t, keptIn(StateOff, shop()))
		if got := f.ids(t, "shop"); got != "" {
			t.Fatalf("targets %s", got)
		}
		put(t, f, "a", "h:1", 201)
		f.end(t)
	}
}

// Under finish a drain goes on until its delay, counted from its beginning, is
// over: which sessions are bound is not known after a restart.
func TestStateResumesAFinishingDrain(t *testing.T) {
	path := statePath(t)
	a, b := app(t, "a", nil), app(t, "b", nil)
	group := sticky(target.Finish, fromSource(a), fromSource(b))
	f := start(t, keptIn(path, group))
	cookies, at := sessions(t, f.addr, 2)
	f.call(t, "POST", "/v1/groups/shop/targets/"+at[0]+"/drain", "").want(t, 200, "")
	f.end(t)

	f = start(t, keptIn(path, group))
	eventually(t, "it drains", func() bool { return f.status(t, at[0]).State == target.Draining })
	once(t, f.addr, "GET", "/", "", cookies[0]).want(t, 200, at[0])
	for range 4 {
		once(t, f.addr, "GET", "/", "").want(t, 200, at[1])
	}
	f.end(t)

	group.DeregistrationDelay = time.Nanosecond // is over since
	f = start(t, keptIn(path, group))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	eventually(t, "it drains", func() bool { return f.status(t, at[0]).State == target.Draining })
	if r, err := f.Drain(ctx, "shop", at[0]); err != nil || !r.Empty {
		t.Errorf("%+v, %v", r, err)
	}
	once(t, f.addr, "GET", "/", "", cookies[0]).want(t, 200, at[1])
}

// What was drained empty gets nothing after the restart either, not even what
// is bound to it.
func TestStateKeepsADrainedTargetEmpty(t *testing.T) {
	path := statePath(t)
	a, b := app(t, "a", nil), app(t, "b", nil)
	group := sticky(target.Finish, fromSource(a), fromSource(b))
	group.Affinity.IdleTimeout = 20 * time.Millisecond
	f := start(t, keptIn(path, group))
	cookies, at := sessions(t, f.addr, 2)
	is := f.call(t, "POST", "/v1/groups/shop/targets/"+at[0]+"/drain?wait=20s", "")
	if is.want(t, 200, ""); !strings.Contains(is.body, `"empty":true`) {
		t.Fatal(is.body)
	}
	f.end(t)
	group.Affinity.IdleTimeout = time.Hour
	f = start(t, keptIn(path, group))
	eventually(t, "it drains", func() bool { return f.status(t, at[0]).State == target.Draining })
	once(t, f.addr, "GET", "/", "", cookies[0]).want(t, 200, at[1])
	f.call(t, "POST", "/v1/groups/shop/targets/"+at[0]+"/drain?wait=20s", "").want(t, 200, is.body)
}

// Who owns a target may change it, and nobody else.
func TestStateOwners(t *testing.T) {
	a := app(t, "a", nil)
	f := start(t, keptIn(statePath(t), shop(fromSource(a))))
	put(t, f, "x", "h:1", 201)
	put(t, f, "x", "h:2", 200)
	for _, tc := range []struct {
		call, body string
		status     int
	}{
		{"PUT a", `{"address":"h:1"}`, 409},
		{"PUT a", `{"address":"ADDR"}`, 409},
		{"PUT a", `{"address":"ADDR","weight":3}`, 409},
		{"DELETE a", "", 409},
		{"POST a/drain?wait=10s", "", 200},
		{"DELETE a", "", 409},
		{"PUT a", `{"address":"h:1"}`, 409},
		{"PUT a", `{"address":"ADDR","weight":3}`, 409},
		{"PUT a", `{"address":"ADDR","incarnation":"2"}`, 409},
		{"PUT a", `{"address":"ADDR"}`, 200},
		{"DELETE x?wait=10s", "", 200},
	} {
		method, path, _ := strings.Cut(tc.call, " ")
		is := f.call(t, method, "/v1/groups/shop/targets/"+path, strings.ReplaceAll(tc.body, "ADDR", a.Address))
		if is.err != nil || is.StatusCode != tc.status {
			t.Errorf("%s %s: %v %s", tc.call, tc.body, is.err, is.body)
		}
		if tc.status == 409 && !strings.Contains(is.body, `belongs to the source \"file\"`) {
			t.Errorf("%s: %s", tc.call, is.body)
		}
	}
	if s := f.status(t, "a"); s.State != target.Healthy || s.Source != SourceFile {
		t.Errorf("%+v", s)
	}
}

const goodState = `{"version":1,"groups":{"shop":{"targets":[{"id":"x","address":"h:1","weight":1}],"drains":[{"id":"x","source":"api","address":"h:1","since":"2024-01-01T00:00:00Z"}]}}}`

// A state that is not understood stops the start, and stays as it is.
func TestStateRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "zeros": strings.Repeat("\x00", 64), "half": goodState[:len(goodState)/2], "more": goodState + "{}", "no groups": `{"version":1}`,
		"foreign": strings.Replace(goodState, `"version":1`, `"version":2`, 1), "no version": `{"groups":{}}`,
		"unknown key": strings.Replace(goodState, `"weight"`, `"height"`, 1), "bad address": strings.Replace(goodState, `"h:1"`, `"h"`, 1),
		"twice": strings.Replace(goodState, `"targets":[`, `"targets":[{"id":"x","address":"h:2","weight":1},`, 1), "no since": strings.Replace(goodState, "2024", "0001", 1),
		"bad group": strings.Replace(goodState, `"shop"`, `"s/h"`, 1), "a list": "[]",
	} {
		path := filepath.Join(t.TempDir(), "gateway.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := New(keptIn(path, shop()))
		if err != nil {
			t.Fatal(err)
		}
		g.opt.Traffic.Listener = listen(t)
		if err := g.Run(t.Context()); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%s: the file was changed: %q, %v", name, data, err)
		}
	}
	if s, err := decodeState([]byte(goodState)); err != nil || len(s.Groups["shop"].Drains) != 1 {
		t.Errorf("control: %+v, %v", s, err)
	}
}

// Two gateways never share a file; the second waits for the first.
func TestStateLock(t *testing.T) {
	path := statePath(t)
	f := start(t, keptIn(path, shop()))
	put(t, f, "a", "h:1", 201)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := openStore(short, path, f.opt.Log); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "in use by another gateway") {
		t.Fatalf("got %v", err)
	}
	next := start(t, keptIn(path, shop())) // waits
	resume, err := f.HandOverState()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the next one has the state", func() bool { return next.ids(t, "shop") == "a" })
	is := f.call(t, "PUT", "/v1/groups/shop/targets/b", `{"address":"h:2"}`)
	is.want(t, 503, "")
	put(t, next, "c", "h:3", 201)
	next.end(t)
	if err := resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, f, "d", "h:4", 201)
	f.end(t)
	if s, err := readState(path); err != nil || len(s.Groups["shop"].Targets) != 3 { // a, b, d
		t.Errorf("%+v, %v", s, err)
	}
}

// When the disk takes nothing the caller is told, and the file catches up.
func TestStateWriteFails(t *testing.T) {
	path := statePath(t)
	f := start(t, keptIn(path, shop()))
	eventually(t, "the state is open", func() bool { return f.state.Load() != nil })
	s := f.state.Load()
	full := errors.New("no space left on device")
	setWrite(s, func(string, []byte) error { return full })
	is := f.call(t, "PUT", "/v1/groups/shop/targets/a", `{"address":"h:1"}`)
	is.want(t, 500, "")
	if !strings.Contains(is.body, "no space left") || f.Stats().Config.StateErrors == 0 {
		t.Errorf("%s, %+v", is.body, f.Stats().Config)
	}
	setWrite(s, writeAtomic)
	put(t, f, "b", "h:2", 201)
	if s, err := readState(path); err != nil || len(s.Groups["shop"].Targets) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// setWrite waits for the write that is going on.
func setWrite(s *store, write func(string, []byte) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing {
		s.turn.Wait()
	}
	s.write = write
}

// Many writers at once share writes, and each finds itself on disk.
func TestStateConcurrentWrites(t *testing.T) {
	path := statePath(t)
	f := start(t, keptIn(path, shop()))
	eventually(t, "the state is open", func() bool { return f.state.Load() != nil })
	var mu sync.Mutex
	writes := 0
	setWrite(f.state.Load(), func(path string, data []byte) error {
		mu.Lock()
		writes++
		mu.Unlock()
		return writeAtomic(path, data)
	})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := fmt.Sprintf("t%d", i)
			if err := f.put("shop", target.Target{ID: id, Address: "h:1", Source: SourceAPI}); err != nil {
				t.Error(err)
			}
			if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), `"`+id+`"`) {
				t.Errorf("%s is not on disk: %v", id, err)
			}
		})
	}
	wg.Wait()
	if writes > 50 {
		t.Errorf("%d writes for 50 changes", writes)
	}
}

// What nobody waits for, as a drain that a source began, is written soon.
func TestStateOfOtherChanges(t *testing.T) {
	path := statePath(t)
	f := start(t, keptIn(path, shop(fromSource(app(t, "a", nil)))))
	eventually(t, "the state is open", func() bool { return f.state.Load() != nil })
	if err := f.Register("shop", target.Target{ID: "x", Address: "h:1", Source: SourceAPI}); err != nil {
		t.Fatal(err)
	}
	f.drain(t, "a")
	eventually(t, "both are on disk", func() bool {
		s, err := readState(path)
		return err == nil && len(s.Groups["shop"].Targets) == 1 && len(s.Groups["shop"].Drains) == 1
	})
	full := errors.New("no space left on device")
	setWrite(f.state.Load(), func(string, []byte) error { return full })
	if err := f.Register("shop", target.Target{ID: "a", Address: f.status(t, "a").Address}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a write failed", func() bool { return f.Stats().Config.StateErrors > 0 })
	setWrite(f.state.Load(), writeAtomic)
	eventually(t, "it is tried again", func() bool {
		s, err := readState(path)
		return err == nil && len(s.Groups["shop"].Drains) == 0
	})
}

// A group that the configuration does not have for a while loses nothing.
func TestStateOfAbsentGroup(t *testing.T) {
	path := statePath(t)
	f := start(t, keptIn(path, shop()))
	put(t, f, "a", "h:1", 201)
	f.end(t)
	other := shop()
	other.Name = "other"
	start(t, keptIn(path, other)).end(t)
	f = start(t, keptIn(path, shop()))
	eventually(t, "a is there", func() bool { return f.ids(t, "shop") == "a" })
}

// A drain of a target that a source names waits for the source, and ends when
// the source has dropped it.
func TestStateAndDiscovery(t *testing.T) {
	t.Parallel() // it waits for looks at files, each a second apart
	path, list := statePath(t), filepath.Join(t.TempDir(), "targets.json")
	a, b := app(t, "a", nil), app(t, "b", nil)
	text := func(targets ...target.Target) string {
		data, _ := json.Marshal(targetsJSON(targets))
		return string(data)
	}
	rewrite(t, list, text(a, b))
	group := shop()
	group.Discover = discover.Options{File: list}
	f := start(t, keptIn(path, group))
	eventually(t, "both serve", func() bool { return f.ids(t, "shop") == "a b" })
	f.call(t, "POST", "/v1/groups/shop/targets/a/drain?wait=10s", "").want(t, 200, "")
	f.end(t)

	if err := os.Rename(list, list+".away"); err != nil { // the source is lost at the start
		t.Fatal(err)
	}
	f = start(t, keptIn(path, group))
	eventually(t, "lost", func() bool { s := f.Stats().Config.Sources; return len(s) == 1 && s[0].Lost && s[0].Errors > 0 })
	if s, err := readState(path); err != nil || len(s.Groups["shop"].Drains) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.Rename(list+".away", list); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are known", func() bool { return f.ids(t, "shop") == "a b" })
	if s := f.status(t, "a"); s.State != target.Draining {
		t.Errorf("%+v", s)
	}
	rewrite(t, list, text(b))
	eventually(t, "a has left", func() bool { return f.ids(t, "shop") == "b" })
	rewrite(t, list, text(a, b))
	eventually(t, "a is back", func() bool { return f.ids(t, "shop") == "a b" })
	if s := f.status(t, "a"); s.State != target.Healthy {
		t.Errorf("%+v", s)
	}
	rewrite(t, list, "[]")
	eventually(t, "none", func() bool { return f.ids(t, "shop") == "" })
}

func targetsJSON(targets []target.Target) []map[string]string {
	out := []map[string]string{}
	for _, x := range targets {
		out = append(out, map[string]string{"id": x.ID, "address": x.Address})
	}
	return out
}

// A target that its source drops drains, with what it has in flight, and one
// that reappears meanwhile is new.
func TestDiscoveredTargetDrains(t *testing.T) {
	t.Parallel() // it waits for looks at files, each a second apart
	hold := make(chan struct{})
	a := app(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-hold
		io.WriteString(w, "a")
	})
	list := filepath.Join(t.TempDir(), "targets.json")
	data, _ := json.Marshal(targetsJSON([]target.Target{a}))
	rewrite(t, list, string(data))
	group := shop()
	group.Discover = discover.Options{File: list}
	f := start(t, options(group))
	eventually(t, "a serves", func() bool { return f.ids(t, "shop") == "a" })
	c := dial(t, f.addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, list, "[]")
	eventually(t, "a drains", func() bool { return f.status(t, "a").State == target.Draining })
	rewrite(t, list, string(data))
	eventually(t, "a is back", func() bool { return f.status(t, "a").State == target.Healthy })
	close(hold)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "a" {
		t.Errorf("%q, %v", body, err)
	}
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
}

func FuzzState(f *testing.F) {
	f.Add([]byte(goodState))
	f.Add([]byte(`{"version":1,"groups":{}}`))
	f.Add([]byte(`{"version":1,"groups":{"a":{}}}`))
	f.Add([]byte(`{"Version":1,"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeState(data)
		if err != nil {
			return
		}
		again, err := encodeState(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeState(again); err != nil {
			t.Errorf("wrote what it cannot read: %v\n%s", err, again)
		}
		g, err := New(Options{Groups: []GroupOptions{shop()}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		g.kept.put(s.Groups)
		g.claimGroup(g.groups()[0])
		g.stop()
		g.tasks.Wait()
	})
}
