package model

import (
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Unit is a service of systemd.
type Unit struct {
	Node     *tree.Node      // the section Service
	Start    *tree.Node      // the last ExecStart
	Stop     *tree.Node      // the first ExecStop; nil: none
	Type     Value[string]   // simple, notify, oneshot, …
	KillMode Value[string]   // control-group, mixed, process, none
	Signal   Value[string]   // of KillSignal, without SIG
	Wait     Value[Duration] // of ExecStop

	sections []*tree.Node // Service of the unit and of its drop-ins
}

// defaultStop is systemd's DefaultTimeoutStopSec.
const defaultStop = 90 * time.Second

// buildUnits adds services that systemd runs; what runs once is none.
func buildUnits(m *Model, files []*tree.File) {
	dropIns := map[string][]*tree.Node{} // by the unit's file, and by its name
	count := map[string]int{}
	for _, f := range files {
		if f.Format != tree.Unit {
			continue
		}
		if of, ok := strings.CutSuffix(path.Dir(f.Name), ".d"); ok {
			for _, root := range roots(f) {
				for _, key := range []string{"in " + of, path.Base(of)} {
					dropIns[key] = append(dropIns[key], root.Get("Service"))
				}
			}
		} else {
			count[path.Base(f.Name)]++
		}
	}
	for _, f := range files {
		if f.Format != tree.Unit || strings.HasSuffix(path.Dir(f.Name), ".d") {
			continue
		}
		more := dropIns["in "+f.Name]
		if base := path.Base(f.Name); len(more) == 0 && count[base] == 1 {
			more = dropIns[base]
		}
		for _, root := range roots(f) {
			m.unit(strings.TrimSuffix(path.Base(f.Name), ".service"), append([]*tree.Node{root.Get("Service")}, more...))
		}
	}
}

// unit adds the service that the sections say, drop-ins after the unit.
func (m *Model) unit(name string, sections []*tree.Node) {
	u := newUnit(sections)
	if u.Start == nil || u.Type.V == "oneshot" {
		return
	}
	m.Services = append(m.Services, &Service{Platform: Systemd, Kind: "unit", Name: name, Node: u.Node,
		Unit: u, Grace: u.grace(), PreStop: Value[Duration]{State: Default, Name: "ExecStop"}, Replicas: Of("instances", 1)})
}

func newUnit(sections []*tree.Node) *Unit {
	u := &Unit{Node: sections[0], sections: sections, Wait: Value[Duration]{State: Default, Name: "ExecStop"}}
	u.Type = Text(u.last("Type"), Of("Type", "simple"))
	u.KillMode = Text(u.last("KillMode"), Of("KillMode", "control-group"))
	u.Signal = Text(u.last("KillSignal"), Of("KillSignal", "TERM"))
	u.Signal.V = signalName(u.Signal.V)
	if all := u.assigned("ExecStart"); len(all) > 0 {
		u.Start = all[len(all)-1]
	}
	if all := u.assigned("ExecStop"); len(all) > 0 {
		u.Stop = all[0]
		u.Wait = stopWait(all)
	}
	return u
}

// blocks are all settings of a name, in the order in which they count.
func (u *Unit) blocks(key string) (all []*tree.Node) {
	for _, s := range u.sections {
		all = append(all, s.Blocks(key)...)
	}
	return all
}

// last is what counts of a setting that may be repeated.
func (u *Unit) last(key string) *tree.Node {
	if all := u.blocks(key); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// assigned are the values of a list, which an empty one resets.
func (u *Unit) assigned(key string) (all []*tree.Node) {
	for _, c := range u.blocks(key) {
		if all = append(all, c); c.Value == "" {
			all = nil
		}
	}
	return all
}

// grace is TimeoutStopSec or TimeoutSec, the later of them; infinity is unknown,
// for nothing is killed.
func (u *Unit) grace() Value[Duration] {
	var n *tree.Node
	for _, s := range u.sections {
		for _, c := range s.Fields() {
			if c.Key == "TimeoutStopSec" || c.Key == "TimeoutSec" {
				n = c
			}
		}
	}
	return read(n, Of("TimeoutStopSec", defaultStop), func(text string) (Duration, bool) {
		d, ok := unitDuration(text)
		return d, ok && d > 0 // 0 is infinity
	})
}

// stopWait is how long the commands of ExecStop sleep or drain at the longest:
// each has the timeout for itself (systemd.service(5)).
func stopWait(all []*tree.Node) Value[Duration] {
	longest := Value[Duration]{State: Default, Name: "ExecStop"}
	for _, n := range all {
		m := stopCommand.FindStringSubmatch(n.Value)
		if m == nil {
			continue
		}
		if d, ok := unitDuration(m[1]); ok && d > longest.V {
			longest = Value[Duration]{V: d, State: Written, Node: n, Name: "ExecStop"}
		}
	}
	return longest
}

var stopCommand = regexp.MustCompile(`(?:\bsleep\s+|\bevenkeel(?:-run)?\s+drain\b.*--wait[ =])(\d+(?:\.\d+)?\w*)\b`)

var (
	unitPart  = regexp.MustCompile(`^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)`)
	unitUnits = map[string]Duration{"": time.Second, "s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
		"ms": time.Millisecond, "msec": time.Millisecond, "us": time.Microsecond, "usec": time.Microsecond,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour}
)

// unitDuration reads 90, 1min 30s and the like (systemd.time(7)).
func unitDuration(text string) (total Duration, ok bool) {
	for sum := 0.0; ; {
		m := unitPart.FindStringSubmatch(text)
		if m == nil {
			return inRange(sum, ok && strings.TrimSpace(text) == "")
		}
		unit, known := unitUnits[m[2]]
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil || !known || math.IsInf(f, 0) {
			return 0, false
		}
		sum += f * float64(unit)
		text, ok = text[len(m[0]):], true
	}
}
