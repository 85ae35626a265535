package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// lane is one row of instances that were not there at the same time.
type lane struct {
	instances []int
	free      int // bucket from which on the row is free
}

const (
	ownLanes  = 12 // so many instances have rows of their own
	maxLanes  = 24
	laneSmall = 14.0
	laneTall  = 18.0
)

// pack gives each instance a row: its own, or if there are many one that was
// free when it began to answer. Left are those for which there was no row.
func (s Snapshot) pack() (lanes []lane, left int) {
	type life struct{ instance, from, to int }
	lives := make([]life, len(s.Instances))
	for i := range lives {
		lives[i] = life{instance: i, from: -1}
	}
	for b := range s.Buckets {
		for i, n := range s.Buckets[b].Answers {
			if n > 0 {
				if lives[i].from < 0 {
					lives[i].from = b
				}
				lives[i].to = b + 1
			}
		}
	}
	slices.SortStableFunc(lives, func(a, b life) int {
		return cmp.Or(cmp.Compare(a.from, b.from), strings.Compare(s.Instances[a.instance], s.Instances[b.instance]))
	})
	for _, l := range lives {
		i := slices.IndexFunc(lanes, func(row lane) bool { return len(lives) > ownLanes && row.free < l.from })
		switch {
		case i >= 0:
			lanes[i].instances = append(lanes[i].instances, l.instance)
			lanes[i].free = l.to
		case len(lanes) < maxLanes:
			lanes = append(lanes, lane{instances: []int{l.instance}, free: l.to})
		default:
			left++
		}
	}
	return lanes, left
}

// lanes shows when each instance answered and how much, with the violations
// that belong to it.
func (t *timeline) lanes() {
	lanes, left := t.snap.pack()
	if len(lanes) == 0 {
		return
	}
	t.title("which instance answered")
	most := 1
	for i := range t.snap.Buckets {
		for _, n := range t.snap.Buckets[i].Answers {
			most = max(most, n)
		}
	}
	hurt := map[string][]check.Violation{}
	for _, v := range t.r.Outcome.Violations {
		if !v.Unattributed {
			hurt[v.Instance] = append(hurt[v.Instance], v)
		}
	}
	shared := len(t.snap.Instances) > ownLanes
	for _, l := range lanes {
		name, height := "", laneTall
		if !shared {
			name = t.snap.Instances[l.instances[0]]
		} else {
			height = laneSmall
		}
		_, base := t.row("end", name, height)
		for _, i := range l.instances {
			t.instance(i, base, height, float64(most), hurt[t.snap.Instances[i]], shared)
		}
	}
	if left > 0 {
		t.text("note", t.left, t.y+10, "and "+plural(left, "more instance", "more instances"))
		t.y += labelRow
	}
}

func (t *timeline) instance(i int, base, height, most float64, hurt []check.Violation, named bool) {
	var answered path
	first, last := -1, 0
	for b := range t.snap.Buckets {
		if answers := t.snap.Buckets[b].Answers; i < len(answers) && answers[i] > 0 {
			x1, x2 := t.span(b)
			answered.block(x1, x2, base-max(2, (height-2)*float64(answers[i])/most), base)
			if first < 0 {
				first = b
			}
			last = b
		}
	}
	t.path("lane", answered, clip(t.snap.Instances[i], 40))
	if named && first >= 0 {
		x1, _ := t.span(first)
		_, x2 := t.span(last)
		if name := clip(t.snap.Instances[i], 24); room(name) <= x2-x1 {
			t.text("small", x1+2, base-3, name)
		}
	}
	t.hurts(base, height, hurt)
	for _, e := range t.r.Outcome.Events {
		for _, k := range e.Killed {
			if k.Instance == t.snap.Instances[i] {
				t.text("cross", t.x(k.At), base-2, "✕")
			}
		}
	}
}

// hurts marks violations on the lane of their instance.
func (t *timeline) hurts(base, height float64, hurt []check.Violation) {
	var ticks path
	drawn := map[int]bool{}
	for _, v := range hurt {
		if x := int((t.x(v.At) - t.left) / tickWidth); !drawn[x] {
			drawn[x] = true
			at := t.left + tickWidth*float64(x)
			ticks.block(at, at+tickWidth-1, base-height+2, base-height+8)
		}
	}
	t.path("hurt", ticks, "")
}
