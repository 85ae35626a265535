package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// someEntry is an entry of any shape.
func someEntry(r *rand.Rand, key session.Key) entry {
	text := func(most int) string {
		raw := make([]byte, r.IntN(most+1))
		for i := range raw {
			raw[i] = byte(r.IntN(256))
		}
		return string(raw)
	}
	e := entry{key: key}
	if r.IntN(2) == 0 {
		e.mark = session.Reason(text(20))
	}
	number := r.Int64N(10)
	for range 1 + r.IntN(3) {
		number += 1 + r.Int64N(3)
		e.attempts = append(e.attempts, attempt{
			write: text(session.MaxWriteIDBytes), number: number, order: r.Int64N(1 << 52),
			deadline: r.Int64N(1 << 43), device: text(session.MaxDeviceBytes),
		})
	}
	e.raw = e.encode()
	return e
}

func FuzzDecodeEntry(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		f.Add(someEntry(r, "k").raw)
	}
	for _, s := range []string{
		"", ":", "1:", "1:1", "1:10:", "-1:1", "01:1", "1:20:1:w1:11:11:10:", "1:10:1:w1:11:11:10:1:w1:11:11:10:",
		"1:10:1:w2:011:11:10:", "1:10:1:w1:11:11:1", "99999999999999999999:1", "1:10:1:w16:90071992547409931:11:10:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := decodeEntry("key", raw)
		if err != nil {
			return
		}
		if e.encode() != raw {
			t.Errorf("%q was read as %+v, which is written %q", raw, e, e.encode())
		}
		if e.number() < 0 || e.newest() == nil || e.by(e.number()) == nil {
			t.Errorf("%q: %+v", raw, e)
		}
	})
}

func TestEntriesOfOtherFormsAreRefused(t *testing.T) {
	good := entry{attempts: []attempt{{write: "w", number: 5, deadline: 7}}}
	for name, raw := range map[string]string{
		"empty":             "",
		"a newer form":      strings.Replace(good.encode(), "1:1", "1:2", 1),
		"cut":               good.encode()[:len(good.encode())-1],
		"no sign-in":        "1:10:",
		"a sixth field":     good.encode() + "0:",
		"a negative number": strings.Replace(good.encode(), "1:5", "2:-5", 1),
		"not in order":      good.encode() + strings.TrimPrefix(good.encode(), "1:10:"),
	} {
		if e, err := decodeEntry("k", raw); err == nil {
			t.Errorf("%s: %q was read as %+v", name, raw, e)
		}
	}
	if _, err := decodeEntries([]string{"k"}); err == nil {
		t.Error("a key without a value was read")
	}
	list, err := decodeEntries([]string{"k", "1:2", "l", good.encode()})
	if !errors.Is(err, session.ErrFormat) || len(list) != 1 || list[0].key != "l" {
		t.Errorf("got %+v, %v", list, err)
	}
}

// The scripts read and write entries as Go does.
func TestScriptsWriteEntriesAsTheyReadThem(t *testing.T) {
	w := newWorld(t)
	script := rueidis.NewLuaScript(sharedSource + "return encode(decode(ARGV[1], ARGV[2]))")
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		e := someEntry(r, newKey())
		if got := w.eval(script, string(e.key), e.raw); got != e.raw {
			t.Fatalf("%q became %q", e.raw, got)
		}
	}
}

// And they find the same entries doomed, for the same reason.
func TestScriptsFindDoomedWhatGoFindsDoomed(t *testing.T) {
	w := newWorld(t)
	script := rueidis.NewLuaScript(sharedSource + `
		local epoch = read_epoch(ARGV[3])
		if write_epoch(epoch) ~= ARGV[3] then return 'epoch' end
		return doom(epoch, decode(ARGV[1], ARGV[2])) or ''`)
	r := rand.New(rand.NewPCG(5, 6))
	verdicts := map[session.Reason]int{}
	for range 500 {
		e := someEntry(r, newKey())
		except := []string{"-", string(e.key), string(newKey())}[r.IntN(3)]
		reason := []string{"", "revoked", "by the operator\x00 at\nnight"}[r.IntN(3)]
		value := fmt.Sprintf("%d %d %s %d %s", r.Int64N(20), r.Int64N(30), except, r.Int64N(20), reason)
		epoch, err := ParseEpoch(value)
		if err != nil {
			t.Fatal(err)
		}
		want := epoch.doom(&e)
		if got := w.eval(script, string(e.key), e.raw, value); got != string(want) {
			t.Fatalf("epoch %q, entry %q: %q in the script, %q in Go", value, e.raw, got, want)
		}
		if e.mark == "" {
			verdicts[want]++
		}
	}
	if len(verdicts) != 3 || verdicts[""] < 50 {
		t.Errorf("the verdicts were %v", verdicts)
	}
}

func (w *world) eval(script *rueidis.Lua, args ...string) (got string) {
	w.t.Helper()
	err := w.link.Call(w.t.Context(), "k", func(ctx context.Context, c rueidis.Client) (err error) {
		got, err = script.Exec(ctx, c, []string{"k", "k"}, args).ToString()
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}
