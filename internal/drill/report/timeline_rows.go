package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

const (
	tickWidth = 5.0 // violations closer than this are one tick
	tickRow   = 18.0
	explained = 8 // rows up to which each tick says what it is; that takes room
)

// violations has a row for each guarantee that was broken.
func (t *timeline) violations() {
	of := map[check.ID][]check.Violation{}
	for _, v := range t.r.Outcome.Violations {
		of[v.Guarantee] = append(of[v.Guarantee], v)
	}
	if len(of) == 0 {
		return
	}
	t.title("who was hurt")
	for _, id := range slices.Sorted(maps.Keys(of)) {
		t.violationRow(id, of[id], len(of) <= explained)
	}
	t.y += 4
}

func (t *timeline) violationRow(id check.ID, of []check.Violation, explain bool) {
	g := t.r.Outcome.Guarantee(id)
	class := "end bad"
	if g.Bad == 0 {
		class = "end" // all while the drill was late
	}
	_, base := t.row(class, harmWords[id][1], tickRow)
	t.text("start "+class, t.right+8, base-4, number(g.Bad))
	bins := map[int][]check.Violation{}
	most := 0
	for _, v := range of {
		bin := int((t.x(v.At) - t.left) / tickWidth)
		bins[bin] = append(bins[bin], v)
		most = max(most, len(bins[bin]))
	}
	for bin := range int((t.right-t.left)/tickWidth) + 1 {
		here := bins[bin]
		if len(here) == 0 {
			continue
		}
		height := 5 + (tickRow-6)*math.Sqrt(float64(len(here)-1)/float64(max(most-1, 1)))
		class := "hurt"
		if !slices.ContainsFunc(here, func(v check.Violation) bool { return !v.Unattributed }) {
			class = "excused"
		}
		title := ""
		if explain {
			title = tickTitle(id, here)
		}
		t.rect(class, t.left+tickWidth*float64(bin), base-height, tickWidth-1, height, title)
	}
}

// tickTitle says how many, and where they belong.
func tickTitle(id check.ID, of []check.Violation) string {
	s, v := harmed(id, len(of)), of[0]
	if v.Event != 0 {
		s += fmt.Sprintf(", event %d", v.Event)
	}
	if v.Instance != "" {
		s += ", " + clip(v.Instance, 20)
	}
	if slices.ContainsFunc(of, func(o check.Violation) bool { return o.Event != v.Event || o.Instance != v.Instance }) {
		s += ", and elsewhere"
	}
	return s
}

// requests is the rate, with what failed in front.
func (t *timeline) requests() {
	if len(t.snap.Buckets) == 0 {
		return
	}
	t.title("requests a second")
	most := 0.0
	for i := range t.snap.Buckets {
		most = max(most, t.rate(i, t.snap.Buckets[i].Requests))
	}
	top := roundUp(most)
	_, base := t.row("end", "failed ones in red", panelHeight)
	t.text("start", t.right+8, base-panelHeight+9, number(int(top)))
	t.text("start", t.right+8, base, "0")
	t.line("grid", t.left, base-panelHeight, t.right, base-panelHeight)
	var all, failed path
	for i := range t.snap.Buckets {
		b := &t.snap.Buckets[i]
		x1, x2 := t.span(i)
		if b.Requests > 0 {
			all.block(x1, x2, base-panelHeight*t.rate(i, b.Requests)/top, base)
		}
		if b.Failed > 0 {
			failed.block(x1, max(x2, x1+3), base-max(panelHeight*t.rate(i, b.Failed)/top, 7), base)
		}
	}
	t.path("rate", all, "")
	t.path("hurt", failed, "")
}

// streams is how many were open, and when they broke.
func (t *timeline) streams() {
	most, breaks := 0, false
	for i := range t.snap.Buckets {
		most = max(most, t.snap.Buckets[i].Streams)
		breaks = breaks || t.snap.Buckets[i].Breaks > 0
	}
	if most == 0 && !breaks {
		return
	}
	t.title("streams")
	top := roundUp(float64(most))
	_, base := t.row("end", "open, and when they broke", streamsHeight)
	t.text("start", t.right+8, base-streamsHeight+9, number(int(top)))
	var open, broken path
	for i := range t.snap.Buckets {
		b := &t.snap.Buckets[i]
		x1, x2 := t.span(i)
		if b.Streams > 0 {
			open.block(x1, x2, base-streamsHeight*float64(b.Streams)/top, base)
		}
		if b.Breaks > 0 {
			broken.block(x1, max(x2, x1+3), base-max(min(streamsHeight*float64(b.Breaks)/top, streamsHeight), 7), base)
		}
	}
	t.path("rate", open, "")
	t.path("broke", broken, "")
}

// span is where a bucket is.
func (t *timeline) span(i int) (x1, x2 float64) {
	from := time.Duration(i) * t.snap.Width
	return t.x(from), t.x(from + t.snap.Width)
}

// rate of n things in a bucket. The last one is not full; a small rest of it
// says little.
func (t *timeline) rate(i, n int) float64 {
	from := time.Duration(i) * t.snap.Width
	span := min(max(t.total-from, t.snap.Width/4), t.snap.Width)
	return float64(n) / span.Seconds()
}

// roundUp is the next of 1, 2, 5, 10, 20, 50, …
func roundUp(v float64) float64 {
	unit := math.Pow10(int(math.Floor(math.Log10(max(v, 1)))))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*unit {
			return n * unit
		}
	}
	return 10 * unit
}

// latency is the median and the 99th percentile, on a logarithmic scale.
func (t *timeline) latency() {
	low, high := time.Duration(math.MaxInt64), time.Duration(0)
	for i := range t.snap.Buckets {
		if p50 := t.snap.Buckets[i].Quantile(.5); p50 > 0 {
			low, high = min(low, p50), max(high, t.snap.Buckets[i].Quantile(.99))
		}
	}
	if high == 0 {
		return
	}
	t.title("time to answer")
	_, base := t.row("end", "median and 99th percentile", panelHeight)
	from := math.Floor(math.Log10(low.Seconds()))
	to := max(math.Ceil(math.Log10(high.Seconds())), from+1)
	y := func(d time.Duration) float64 {
		return base - panelHeight*(math.Log10(d.Seconds())-from)/(to-from)
	}
	for e := from; e <= to; e++ {
		d := time.Duration(math.Pow(10, e) * float64(time.Second))
		t.line("grid", t.left, y(d), t.right, y(d))
		t.text("start", t.right+8, y(d)+4, d.String())
	}
	for _, of := range []struct {
		class string
		q     float64
	}{{"p99", .99}, {"p50", .5}} {
		var p path
		gap := true
		for i := range t.snap.Buckets {
			v := t.snap.Buckets[i].Quantile(of.q)
			x1, x2 := t.span(i)
			switch {
			case v == 0:
			case gap:
				p.move(x1, y(v))
				p.to(x2, y(v))
			default:
				p.to((x1+x2)/2, y(v))
			}
			gap = v == 0
		}
		t.path(of.class, p, "")
	}
}
