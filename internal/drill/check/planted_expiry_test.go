package check

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// With 3 s a session must live for 2.7 s and be gone after 3.6 s; with 10 s as
// the absolute timeout for 9 s and 12 s.
var (
	idle3s  = Options{IdleTimeout: 3 * time.Second}
	both    = Options{IdleTimeout: 3 * time.Second, AbsoluteTimeout: 10 * time.Second}
	aged10s = Options{AbsoluteTimeout: 10 * time.Second}
)

// afterPause marks a read that is made to see whether the session has expired.
func afterPause(p planned) planned { p.Expiry, p.Settle = true, true; return p }

func gone(call, ret int) planned { return afterPause(look(call, ret, "").anonymous()) }

func there(call, ret int) planned { return afterPause(look(call, ret, "")) }

func slowly(call, ret int) planned { return plan(history.Slow, call, ret, history.OK) }

// used are reads every second until then.
func used(until int, more ...planned) []planned {
	ops := []planned{login(0, 10)}
	for at := 1000; at <= until; at += 1000 {
		ops = append(ops, look(at, at+10, ""))
	}
	return append(ops, more...)
}

func plantedExpiry() []planted {
	return []planted{
		{name: "never expires", of: G7, opt: idle3s, want: []string{"G7 u1 shop-1"}, exposed: map[ID]int{G7: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), there(3700, 3710)}},
		{name: "never expires is one for each session", of: G7, opt: idle3s, want: []string{"G7 u1 shop-1"}, exposed: map[ID]int{G7: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), there(3700, 3710), there(7500, 7510)}},
		{name: "expires too early", of: G7, opt: idle3s, want: []string{"G7 lost u1 shop-1"}, exposed: map[ID]int{G7: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), gone(2300, 2310), settle(2500, 2510, "").anonymous(), login(2600, 2610).epoch(2)}},
		{name: "a stream keeps it alive", of: G7, opt: idle3s, want: []string{"G7 u1 shop-1"}, exposed: map[ID]int{G7: 1, G11: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), stream(40, 5000).brought(1, 40), there(3700, 3710)}},
		{name: "activity extends the absolute timeout", of: G7, opt: both, want: []string{"G7 u1 shop-1"}, exposed: map[ID]int{G7: 1},
			ops: used(12000, there(12100, 12110))},
		{name: "renewal extends the absolute timeout", of: G7, opt: aged10s, want: []string{"G7 u1 shop-1"},
			ops: []planned{login(0, 10).sets("c1"), rotate("c2", 9000, 9010), there(12100, 12110)}},
		{name: "over a drill-limited window", of: G7, opt: idle3s, want: []string{"G7 u1 shop-1 unattributed"}, exposed: map[ID]int{G7: 0},
			windows: []Window{{From: ms(1000), To: ms(1100)}},
			ops:     []planned{login(0, 10), look(20, 30, ""), there(3700, 3710)}},
		{name: "too early over a drill-limited window", of: G7, opt: idle3s, want: []string{"G7 lost u1 shop-1 unattributed"}, exposed: map[ID]int{G7: 0},
			windows: []Window{{From: ms(1000), To: ms(1100)}},
			ops:     []planned{login(0, 10), look(20, 30, ""), gone(2300, 2310)}},
		{name: "lost in an event while its user was idle", of: G1, opt: idle3s, want: []string{"G1 lost u1 event 1 shop-1"}, exposed: map[ID]int{G1: 1, G7: 0},
			events: []history.Event{event(1, 1000, 1200)},
			ops:    []planned{login(0, 10), look(20, 30, ""), gone(2300, 2310)}},
		{name: "lost before the pause", of: G1, opt: idle3s, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 10), look(20, 30, ""), look(40, 50, "").anonymous(), gone(2300, 2310)}},
		{name: "not there while idle, and back", of: G1, opt: idle3s, want: []string{"G1 stale u1 shop-1"},
			ops: []planned{login(0, 10), look(20, 30, ""), gone(2300, 2310), settle(2500, 2510, "")}},

		{name: "alive before and dead after", of: G7, opt: idle3s, exposed: map[ID]int{G7: 2},
			ops: []planned{login(0, 10), look(20, 30, ""), there(2300, 2310), gone(6000, 6010)}},
		{name: "dead between the two", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10), look(20, 30, ""), gone(2800, 2810)}},
		{name: "alive between the two", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10), look(20, 30, ""), there(3600, 3610)}},
		{name: "extended by a slow request", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10), look(20, 30, ""), slowly(25, 1500), there(4000, 4010)}},
		{name: "extended by a replay of an older ID", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10).sets("c1"), rotate("c2", 20, 30), replay(900, 910).sent("c1").opens(""), there(4000, 4010)}},
		{name: "perhaps extended by what has no answer", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10), write("a", 20, 30).unknown(), there(4000, 4010)}},
		{name: "a login of unknown outcome has no age", of: G7, opt: aged10s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10).unknown(), look(20, 30, ""), there(12100, 12110)}},
		{name: "old, and gone", of: G7, opt: both, exposed: map[ID]int{G7: 1},
			ops: used(9000, look(10010, 10020, "").anonymous(), gone(12100, 12110))},
		{name: "an ordinary read says nothing", of: G7, opt: idle3s, exposed: map[ID]int{G7: 0},
			ops: []planned{login(0, 10), look(20, 30, ""), look(4000, 4010, "")}},
		{name: "a drill-limited window makes it void", of: G7, opt: idle3s, exposed: map[ID]int{G7: 1},
			windows: []Window{{From: ms(1000), To: ms(1100)}},
			ops:     []planned{login(0, 10), look(20, 30, ""), there(2300, 2310), gone(6000, 6010)}},
		{name: "a stream that finds it expired", of: G7, opt: idle3s, exposed: map[ID]int{G7: 1, G11: 1},
			ops: []planned{login(0, 10), look(20, 30, ""), stream(40, 3000).brought(1, 29), stream(4000, 4010).anonymous(), gone(4100, 4110)}},
	}
}
