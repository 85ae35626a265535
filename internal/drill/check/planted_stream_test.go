package check

import "github.com/evenkeel/evenkeel/internal/drill/history"

// stream is a connection that is refused unless it brought something.
func stream(call, ret int) planned {
	p := plan(history.Stream, call, ret, history.OK)
	p.Connection = &history.Connection{Broken: ms(call), End: history.Refused}
	return p
}

// brought are events from 50 ms after the call until the return.
func (p planned) brought(first, last uint64) planned {
	c := *p.Connection
	c.Events, c.First, c.Last = int(last-first+1), first, last
	c.FirstAt, c.LastAt, c.End = p.Call+ms(50), p.Return, history.Abrupt
	p.Connection = &c
	return p
}

// after is a resume: of a stream that broke then, after that event.
func (p planned) after(broken int, last uint64) planned {
	c := *p.Connection
	c.Broken, c.LastEventID = ms(broken), last
	p.Connection = &c
	return p
}

func (p planned) jumps(from, to uint64, at int) planned {
	c := *p.Connection
	c.Jump = &history.Jump{From: from, To: to, Good: ms(at - 100), At: ms(at)}
	p.Connection = &c
	return p
}

func (p planned) ended(end history.StreamEnd) planned {
	c := *p.Connection
	c.End = end
	p.Connection = &c
	return p
}

func plantedStreams() []planted {
	begun := stream(20, 1000).brought(1, 10)
	return []planted{
		{name: "skips within a connection", of: G11, want: []string{"G11 lost u1 shop-1"}, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), stream(20, 1000).brought(1, 10).jumps(4, 6, 500)}},
		{name: "repeats within a connection", of: G11, want: []string{"G11 u1 shop-1"}, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), stream(20, 1000).brought(1, 10).jumps(4, 4, 500)}},
		{name: "begins again within a connection", of: G11, want: []string{"G11 u1 shop-1"},
			ops: []planned{login(0, 10), stream(20, 1000).brought(1, 10).jumps(4, 1, 500)}},
		{name: "skips at a resume", of: G11, want: []string{"G11 lost u1 event 1 shop-2"}, exposed: map[ID]int{G11: 3},
			events: []history.Event{event(1, 900, 1200)},
			ops:    []planned{login(0, 10), begun, stream(2000, 3000).after(1000, 10).brought(13, 20).on("shop-2")}},
		{name: "repeats at a resume", of: G11, want: []string{"G11 u1 shop-1"},
			ops: []planned{login(0, 10), begun, stream(2000, 3000).after(1000, 10).brought(8, 20)}},
		{name: "ignores Last-Event-ID", of: G11, want: []string{"G11 u1 shop-1"},
			ops: []planned{login(0, 10), begun, stream(2000, 3000).after(1000, 10).brought(1, 10)}},
		{name: "is resumed late", of: G11, want: []string{"G11 stale u1 shop-1"}, exposed: map[ID]int{G11: 3},
			ops: []planned{login(0, 10), begun, stream(2000, 2010).after(1000, 10), stream(5990, 7000).after(1000, 10).brought(11, 20)}},
		{name: "is resumed late, after it was given up", of: G11, want: []string{"G11 stale u1 shop-1"}, exposed: map[ID]int{G11: 3},
			ops: []planned{login(0, 10), begun, stream(6000, 6010).after(1000, 10), stream(7000, 8000).after(1000, 10).brought(11, 20)}},
		{name: "is never resumed, once", of: G11, want: []string{"G11 lost u1 shop-1"}, exposed: map[ID]int{G11: 2},
			ops: []planned{login(0, 10), begun, stream(2000, 2010).after(1000, 10), stream(6000, 6010).after(1000, 10), stream(7000, 7010).after(1000, 10)}},
		{name: "never begins", of: G11, want: []string{"G11 lost u1 shop-1"}, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), stream(20, 5030)}},
		{name: "falls silent", of: G11, want: []string{"G11 stale u1 shop-1"},
			ops: []planned{login(0, 10), stream(20, 6000).brought(1, 10).ended(history.Silent), stream(7000, 8000).after(1000, 10).brought(11, 20)}},
		{name: "is resumed late while the drill was late", of: G11, want: []string{"G11 stale u1 shop-1 unattributed"}, windows: []Window{{From: ms(3000), To: ms(3100)}},
			ops: []planned{login(0, 10), begun, stream(6000, 7000).after(1000, 10).brought(11, 20)}},
		{name: "skips while the drill was late before", of: G11, want: []string{"G11 lost u1 shop-1"}, windows: []Window{{From: ms(1100), To: ms(1200)}},
			ops: []planned{login(0, 10), begun, stream(2000, 3000).after(1000, 10).brought(12, 20)}},
		{name: "is another's", of: G6, want: []string{"G6 u1 shop-1"}, exposed: map[ID]int{G11: 0},
			ops: []planned{login(0, 10), foreignStream(stream(20, 1000).brought(1, 10).jumps(3, 7, 300))}},
		{name: "turns away", of: G1, want: []string{"G1 stale u1 shop-1"}, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), look(12, 14, ""), begun, stream(2000, 2010).after(1000, 10).anonymous(), look(2020, 2030, "")}},
		{name: "turns away for long", of: G1, want: []string{"G1 stale u1 shop-1"}, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), look(12, 14, ""), begun, stream(2000, 2010).after(1000, 10).anonymous(), look(2020, 2030, ""),
				stream(7000, 7010).after(1000, 10).ended(history.Stopped)}},

		{name: "no break", of: G11, exposed: map[ID]int{G11: 1, G10: 1},
			ops: []planned{login(0, 10), begun.ended(history.Stopped)}},
		{name: "announced and resumed", of: G11, exposed: map[ID]int{G11: 3},
			ops: []planned{login(0, 10), begun.ended(history.Announced), stream(2000, 3000).after(1000, 10).brought(11, 20)}},
		{name: "resumed just in time, at the third attempt", of: G11, exposed: map[ID]int{G11: 3},
			ops: []planned{login(0, 10), begun, stream(2000, 2010).after(1000, 10), stream(3000, 3010).after(1000, 10).failing(resetGET), stream(5950, 7000).after(1000, 10).brought(11, 20)}},
		{name: "not resumed, but not for long", of: G11, exposed: map[ID]int{G11: 1},
			ops: []planned{login(0, 10), begun, stream(2000, 5900).after(1000, 10).ended(history.Stopped)}},
		{name: "goes on from another login", of: G11, exposed: map[ID]int{G11: 2},
			ops: []planned{login(0, 10), begun, logout(1010, 1020), login(1030, 1040).epoch(2), stream(1050, 2000).epoch(2).brought(55, 60)}},
		{name: "not resumed in a session that was signed out", of: G11,
			ops: []planned{login(0, 10), begun, logout(5900, 6040), stream(2000, 6030).after(1000, 10)}},
		{name: "not resumed in a session that was left", of: G11,
			ops: []planned{login(0, 10), begun, stream(2000, 6030).after(1000, 10), login(5950, 6040).epoch(2)}},
		{name: "begins again in a session that was signed out", of: G11,
			ops: []planned{login(0, 10), begun, logout(1100, 1200), stream(1150, 1300).after(1000, 10).brought(1, 2)}},
		{name: "ends with the session", of: G11, want: []string{"G1 lost u1 shop-1"},
			ops: []planned{login(0, 10), look(12, 14, ""), begun, stream(2000, 2010).after(1000, 10).anonymous(), look(2020, 2030, "").anonymous(),
				stream(7000, 7010).after(1000, 10).anonymous()}},
	}
}

func foreignStream(p planned) planned {
	p.Seen = &history.Seen{User: "u2", MarkerOnly: true}
	return p
}
