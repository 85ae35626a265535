package demo

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func full80(t *testing.T) view {
	t.Helper()
	s, err := StrategyNamed("sticky")
	if err != nil {
		t.Fatal(err)
	}
	v := view{
		strategy: s, elapsed: 23 * time.Second, length: 40 * time.Second, address: "http://127.0.0.1:8080",
		users: 5000, signedIn: 4711, sent: 1234567, lost: 12345, undone: 1, failed: 1003, atKills: 3,
		replicas: []replicaView{{"shop-1", "serving", 3, 120034}, {"shop-12", "finishing", 12, 1}},
	}
	for range 30 {
		v.events = append(v.events, "  00:10  shop-3 was killed without warning; another took its place, and a name that is far too long for it")
	}
	return v
}

func TestViewFits80x24(t *testing.T) {
	lines := full80(t).Lines(80, 24)
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("%d columns: %q", n, l)
		}
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"12,345 sign-ins were lost", "00:23 / 00:40", "4,711 of 5,000 users", "shop-12", "finishing", "Shop and watch: http://127.0.0.1:8080", "00:10"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	for _, size := range [][2]int{{20, 6}, {40, 15}, {1, 1}, {80, 4}} {
		if tiny := full80(t).Lines(size[0], size[1]); len(tiny) > size[1] {
			t.Errorf("%d lines on a terminal of %v", len(tiny), size)
		}
	}
	crowd := full80(t)
	for range 30 {
		crowd.replicas = append(crowd.replicas, replicaView{"shop-99", "serving", 1, 1})
	}
	if last := crowd.Lines(80, 24); !strings.Contains(last[len(last)-1], "Ctrl-C") {
		t.Errorf("the way out is not on the screen: %q", last[len(last)-1])
	}
}

func TestVerdictInWords(t *testing.T) {
	for want, v := range map[string]view{
		"so far nothing was lost":                               {},
		"so far nothing was lost ":                              {failed: 2, atKills: 2},
		"1 sign-in was lost, 2 changes were undone":             {lost: 1, undone: 2},
		"nothing was lost":                                      {over: true},
		"1 request failed":                                      {failed: 3, atKills: 2},
		"nothing lost, but this machine is too busy to be sure": {late: "timers"},
	} {
		if got := v.verdict(); got != strings.TrimSpace(want) {
			t.Errorf("%+v: %q, want %q", v, got, want)
		}
	}
}

// Each event is said twice, when it begins and when it is over.
func TestEventLog(t *testing.T) {
	log := &eventLog{}
	log.add(history.Event{ID: 1, Kind: killOne, Triggered: 5 * time.Second, Settled: -1})
	log.add(history.Event{ID: 1, Kind: killOne, Target: "shop-2", Triggered: 5 * time.Second, Settled: 7 * time.Second})
	_, said := log.lines()
	want := []string{"00:05  a replica is killed without warning", "00:07  shop-2 was killed without warning; another took its place"}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
}

func TestEveryEventHasWords(t *testing.T) {
	for _, kind := range []string{scaleOut, scaleIn, rollingRestart, killOne} {
		during := told(history.Event{Kind: kind, Settled: -1})
		after := told(history.Event{Kind: kind, Target: "shop-9", Settled: 1})
		failed := told(history.Event{Kind: kind, Settled: 1, Err: "no space"})
		if during == after || !strings.Contains(failed, "no space") || strings.Contains(during+after, kind) && kind != killOne {
			t.Errorf("%s: %q, %q, %q", kind, during, after, failed)
		}
	}
}

// Each round of four has all kinds, the same for the same seed.
func TestPlan(t *testing.T) {
	a, b := newPlan(7), newPlan(7)
	var other bool
	c := newPlan(8)
	for range 10 {
		var round []string
		for range 4 {
			kind := a.next()
			if kind != b.next() {
				t.Fatal("the same seed gives other events")
			}
			other = other || kind != c.next()
			round = append(round, kind)
		}
		slices.Sort(round)
		if !slices.Equal(round, []string{killOne, rollingRestart, scaleIn, scaleOut}) {
			t.Fatalf("round %v", round)
		}
	}
	if !other {
		t.Error("another seed gives the same events")
	}
}

func TestPhases(t *testing.T) {
	for _, tc := range []struct {
		opt  Options
		want string
	}{
		{Options{}, "sticky 20s, evenkeel 40s"},
		{Options{For: time.Minute}, "sticky 20s, evenkeel 40s"},
		{Options{For: 90 * time.Second}, "sticky 30s, evenkeel 1m0s"},
		{Options{Strategy: "shared", For: time.Minute}, "shared 1m0s"},
		{Options{Strategy: "memory"}, "memory 40s"},
		{Options{Strategy: "nonsense"}, ""},
	} {
		var got []string
		for _, p := range tc.opt.phases() {
			got = append(got, p.strategy.Name+" "+p.length.String())
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%+v: %v, want %s", tc.opt, got, tc.want)
		}
	}
	if all := (&Options{Strategy: "all", For: 100 * time.Second}).phases(); len(all) != len(Strategies) || all[0].length != 100*time.Second/time.Duration(len(Strategies)) {
		t.Errorf("all: %v", all)
	}
}
