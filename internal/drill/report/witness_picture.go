package report

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Measures of a witness's picture, in pixels.
const (
	barHeight = 20.0
	barGap    = 4.0
	minBar    = 18.0 // to hold its number
	maxWarp   = 760.0
)

// newLanes draws operations as bars: a lane for each instance, time from left
// to right. Time is not to scale, so that a millisecond and a minute are both
// seen; the order is exact, and bars that overlap did so.
func newLanes(steps []check.Step, v check.Violation, events []check.Event) *drawing {
	e, marked := eventOf(v, events)
	scale := newWarp(steps, e, marked)
	var c canvas
	var names []string
	for _, s := range steps {
		if !slices.Contains(names, s.Instance) {
			names = append(names, s.Instance)
		}
	}
	y := 22.0
	for _, name := range names {
		y = bars(&c, scale, steps, name, y)
	}
	front := c.shapes
	c.shapes = nil
	if marked {
		eventMark(&c, scale, e, y)
	}
	c.rect("harm", scale.x(v.LastGood), 18, max(scale.x(v.At)-scale.x(v.LastGood), 2), y-18, "broke in this time")
	c.shapes = append(c.shapes, front...)
	first, last := scale.moments[0], scale.moments[len(scale.moments)-1]
	c.text("start", scale.x(first), y+14, precise(first))
	c.text("start", scale.x(last)+6, y+14, precise(last))
	return c.drawing("The operations of "+clip(v.User, 40)+" by instance", scale.right+24, y+20)
}

// bars draws one instance's lane: operations that overlap are below one
// another.
func bars(c *canvas, scale *warp, steps []check.Step, name string, y float64) float64 {
	label := name
	if label == "" {
		label = "no instance"
	}
	c.text("end", scale.left-10, y+barHeight/2+4, clip(label, 20))
	var rows []time.Duration // until when each is taken
	for i, s := range steps {
		if s.Instance != name {
			continue
		}
		row := slices.IndexFunc(rows, func(until time.Duration) bool { return until < s.Call })
		if row < 0 {
			row = len(rows)
			rows = append(rows, 0)
		}
		rows[row] = max(s.Return, s.Call)
		class := "op"
		switch {
		case s.Note != "":
			class = "op wrong"
		case s.Outcome != history.OK:
			class = "op failed"
		}
		top := y + (barHeight+barGap)*float64(row)
		x1, x2 := scale.x(s.Call), scale.x(s.Return)
		c.rect(class, x1, top, max(x2-x1, minBar), barHeight, newStep(i+1, s).Did+": "+got(s))
		c.text("middle in", x1+max(x2-x1, minBar)/2, top+barHeight/2+4, strconv.Itoa(i+1))
		if s.Note != "" {
			c.text("note bad", max(x2, x1+minBar)+6, top+barHeight/2+4, clip(s.Note, 28))
		}
	}
	y += (barHeight + barGap) * float64(len(rows))
	c.line("grid", scale.left, y, scale.right, y)
	return y + 6
}

func eventMark(c *canvas, scale *warp, e check.Event, bottom float64) {
	if e.Triggered < scale.moments[0] || e.Triggered > scale.moments[len(scale.moments)-1] {
		return
	}
	x := scale.x(e.Triggered)
	end := scale.moments[len(scale.moments)-1]
	if e.Settled >= 0 {
		end = min(e.Settled, end)
	}
	c.rect("band", x, 0, max(scale.x(end)-x, 2), bottom, bandTitle(e))
	c.text("note", x+3, 12, "event "+eventName(e))
	for _, k := range e.Killed[:min(len(e.Killed), 16)] {
		if k.At >= scale.moments[0] && k.At <= scale.moments[len(scale.moments)-1] {
			c.line("kill", scale.x(k.At), 14, scale.x(k.At), bottom)
		}
	}
}

// warp maps moments to pixels: the longer a gap, the wider, but only as its
// logarithm.
type warp struct {
	left, right float64
	moments     []time.Duration
	at          []float64
}

func newWarp(steps []check.Step, e check.Event, marked bool) *warp {
	w := &warp{left: 136, right: 136}
	for _, s := range steps {
		w.moments = append(w.moments, s.Call, max(s.Return, s.Call))
	}
	first, last := slices.Min(w.moments), slices.Max(w.moments)
	if marked {
		for _, t := range []time.Duration{e.Triggered, e.Settled} {
			if t > first && t < last {
				w.moments = append(w.moments, t)
			}
		}
	}
	slices.Sort(w.moments)
	w.moments = slices.Compact(w.moments)
	for i, t := range w.moments {
		if i > 0 {
			gap := t - w.moments[i-1]
			w.right += 16 + 5*math.Log2(1+float64(gap)/float64(200*time.Microsecond))
		}
		w.at = append(w.at, w.right)
	}
	if wide := w.right - w.left; wide > maxWarp {
		for i := range w.at {
			w.at[i] = w.left + (w.at[i]-w.left)*maxWarp/wide
		}
		w.right = w.left + maxWarp
	}
	w.right += 190 // for the note at the last one
	return w
}

// x is linear between neighbouring moments.
func (w *warp) x(t time.Duration) float64 {
	i, found := slices.BinarySearch(w.moments, t)
	switch {
	case found:
		return w.at[i]
	case i == 0:
		return w.at[0]
	case i == len(w.at):
		return w.at[i-1]
	}
	before, after := w.moments[i-1], w.moments[i]
	return w.at[i-1] + (w.at[i]-w.at[i-1])*float64(t-before)/float64(after-before)
}
