// Package unit is what systemd's service units say.
//
// Guarantees: drop-ins count after the unit, as systemd reads them; what is no
// length of time to systemd is unknown.
//
// Not guaranteed: that a setting which only newer versions have is known to the
// host's.
package unit

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Unit is a service of systemd.
type Unit struct {
	Node     *tree.Node                 // the section Service
	Start    *tree.Node                 // the last ExecStart
	Stop     *tree.Node                 // the first ExecStop; nil: none
	Type     value.Value[string]        // simple, notify, oneshot, …
	KillMode value.Value[string]        // control-group, mixed, process, none
	Signal   value.Value[string]        // of KillSignal, without SIG
	Wait     value.Value[time.Duration] // of ExecStop

	sections []*tree.Node // Service of the unit and of its drop-ins
}

// defaultStop is systemd's DefaultTimeoutStopSec.
const defaultStop = 90 * time.Second

// New reads the sections Service of a unit, of which there is at least one, and
// of its drop-ins, in the order in which they count.
func New(sections []*tree.Node) *Unit {
	u := &Unit{Node: sections[0], sections: sections, Wait: value.Value[time.Duration]{State: value.Default, Name: "ExecStop"}}
	u.Type = value.Text(u.last("Type"), value.Of("Type", "simple"))
	u.KillMode = value.Text(u.last("KillMode"), value.Of("KillMode", "control-group"))
	u.Signal = value.Text(u.last("KillSignal"), value.Of("KillSignal", "TERM"))
	u.Signal.V = image.Signal(u.Signal.V)
	if all := u.Assigned("ExecStart"); len(all) > 0 {
		u.Start = all[len(all)-1]
	}
	if all := u.Assigned("ExecStop"); len(all) > 0 {
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

// Assigned are the values of a list, which an empty one resets.
func (u *Unit) Assigned(key string) (all []*tree.Node) {
	for _, c := range u.blocks(key) {
		if all = append(all, c); c.Value == "" {
			all = nil
		}
	}
	return all
}

// Grace is TimeoutStopSec or TimeoutSec, the later of them; infinity is unknown,
// for nothing is killed.
func (u *Unit) Grace() value.Value[time.Duration] {
	var n *tree.Node
	for _, s := range u.sections {
		for _, c := range s.Fields() {
			if c.Key == "TimeoutStopSec" || c.Key == "TimeoutSec" {
				n = c
			}
		}
	}
	return value.Read(n, value.Of("TimeoutStopSec", defaultStop), func(text string) (time.Duration, bool) {
		d, ok := duration(text)
		return d, ok && d > 0 // 0 is infinity
	})
}

// stopWait is how long the commands of ExecStop sleep or drain at the longest:
// each has the timeout for itself (systemd.service(5)).
func stopWait(all []*tree.Node) value.Value[time.Duration] {
	longest := value.Value[time.Duration]{State: value.Default, Name: "ExecStop"}
	for _, n := range all {
		m := stopCommand.FindStringSubmatch(n.Value)
		if m == nil {
			continue
		}
		if d, ok := duration(m[1]); ok && d > longest.V {
			longest = value.Value[time.Duration]{V: d, State: value.Written, Node: n, Name: "ExecStop"}
		}
	}
	return longest
}

var stopCommand = regexp.MustCompile(`(?:\bsleep\s+|\bevenkeel(?:-run)?\s+drain\b.*--wait[ =])(\d+(?:\.\d+)?\w*)\b`)

var (
	part  = regexp.MustCompile(`^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)`)
	units = map[string]time.Duration{"": time.Second, "s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
		"ms": time.Millisecond, "msec": time.Millisecond, "us": time.Microsecond, "usec": time.Microsecond,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour}
)

// duration reads 90, 1min 30s and the like (systemd.time(7)).
func duration(text string) (total time.Duration, ok bool) {
	for sum := 0.0; ; {
		m := part.FindStringSubmatch(text)
		if m == nil {
			return value.InRange(sum, ok && strings.TrimSpace(text) == "")
		}
		unit, known := units[m[2]]
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil || !known || math.IsInf(f, 0) {
			return 0, false
		}
		sum += f * float64(unit)
		text, ok = text[len(m[0]):], true
	}
}
