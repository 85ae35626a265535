package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

// redisResult is what the tests look at of result.json.
type redisResult struct {
	Verdict    string
	Guarantees []struct {
		ID           string
		Status       string
		Exposed, Bad int
	}
	Requests struct{ Sent, Seen int }
}

func (r redisResult) bad() map[string]int {
	m := map[string]int{}
	for _, g := range r.Guarantees {
		if g.Bad > 0 {
			m[g.ID] = g.Bad
		}
	}
	return m
}

func (r redisResult) exposed(id string) int {
	for _, g := range r.Guarantees {
		if g.ID == id {
			return g.Exposed
		}
	}
	return 0
}

// demoOn starts a demo whose sessions are at url, and returns it and where its
// result will be.
func demoOn(t *testing.T, url string, args ...string) (p *proctest.Process, result string) {
	t.Helper()
	result = filepath.Join(t.TempDir(), "result.json")
	cmd, _ := command(t, append([]string{
		"demo", "--strategy", "evenkeel", "--page", "off", "--users", "60", "--store", url, "--json", result,
	}, args...)...)
	return proctest.Start(t, cmd), result
}

func readResult(t *testing.T, path string) (r redisResult) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDemoOnRedisPasses(t *testing.T) {
	server := redistest.Start(t)
	p, path := demoOn(t, "redis://"+server.Addr, "--for", "20s")
	code := p.Wait(2 * time.Minute)
	if r := readResult(t, path); code != 0 || r.Verdict != "pass" {
		t.Errorf("exit code %d, verdict %q, bad %v: %s", code, r.Verdict, r.bad(), p.Output())
	}
	keys, err := server.Do("KEYS", "*}s:*")
	if list, ok := keys.([]any); err != nil || !ok || len(list) < 60 {
		t.Errorf("the server holds %v, %v: the sessions were elsewhere", keys, err)
	}
}

// While the master is dead, requests that need a session are refused, which
// users see. Nobody may be signed out by it, and the shop must come back.
func TestDemoSurvivesAFailover(t *testing.T) {
	f := redistest.StartFailover(t, 1)
	p, path := demoOn(t, "redis-sentinel://"+strings.Join(f.SentinelAddrs(), ",")+"/"+f.Name, "--for", "40s", "--every", "10s")
	p.WaitLine(time.Minute, "signed in")
	time.Sleep(8 * time.Second) // users shop
	f.KillMaster()
	f.WaitMaster(t)
	code := p.Wait(3 * time.Minute)
	r := readResult(t, path)
	for id, n := range r.bad() {
		if strings.Contains("G1 G6 G8 G9", id) {
			t.Errorf("%s: %d bad of %d", id, n, r.exposed(id))
		}
	}
	if r.exposed("G1") == 0 || r.exposed("G9") == 0 {
		t.Errorf("nothing was examined: %+v", r)
	}
	t.Logf("exit code %d, verdict %s, %d requests, %d seen failures, bad %v", code, r.Verdict, r.Requests.Sent, r.Requests.Seen, r.bad())
}
