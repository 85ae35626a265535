package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// drawing is an SVG picture; the template writes it and escapes what is in it.
type drawing struct {
	Label         string // for those who cannot see it
	Width, Height string
	Shapes        []shape
}

// shape is a rectangle, a path or a text.
type shape struct {
	Class string // how it looks, as the style sheet says
	Title string // shown when pointed at

	Path       string // of a path
	Text       string // of a text
	X, Y, W, H string // of a rectangle; of a text its anchor
}

// canvas collects shapes.
type canvas struct{ shapes []shape }

func (c *canvas) rect(class string, x, y, w, h float64, title string) {
	if w <= 0 || h <= 0 {
		return
	}
	c.shapes = append(c.shapes, shape{Class: class, Title: title, X: px(x), Y: px(y), W: px(w), H: px(h)})
}

func (c *canvas) text(class string, x, y float64, s string) {
	c.shapes = append(c.shapes, shape{Class: class, X: px(x), Y: px(y), Text: s})
}

func (c *canvas) path(class string, p path, title string) {
	if p.Len() > 0 {
		c.shapes = append(c.shapes, shape{Class: class, Title: title, Path: p.String()})
	}
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	var p path
	p.move(x1, y1)
	p.to(x2, y2)
	c.path(class, p, "")
}

func (c *canvas) drawing(label string, width, height float64) *drawing {
	return &drawing{Label: label, Width: px(width), Height: px(height), Shapes: c.shapes}
}

// path is the data of an SVG path.
type path struct{ strings.Builder }

func (p *path) move(x, y float64) { p.WriteString("M" + px(x) + " " + px(y)) }
func (p *path) to(x, y float64)   { p.WriteString("L" + px(x) + " " + px(y)) }

// block is a bar from the base up to y.
func (p *path) block(x1, x2, y, base float64) {
	p.WriteString("M" + px(x1) + " " + px(base) + "V" + px(y) + "H" + px(x2) + "V" + px(base) + "Z")
}

// px is a coordinate to a tenth of a pixel.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// charWidth is about that of a bold character in the drawings, in pixels.
const charWidth = 7.0

// room is how wide a text is, about.
func room(s string) float64 { return charWidth * float64(len([]rune(s))) }

// axis maps the time of a run to pixels.
type axis struct {
	left, right float64
	total       time.Duration
}

func (a axis) x(t time.Duration) float64 {
	share := float64(t) / float64(max(a.total, 1))
	return a.left + (a.right-a.left)*min(max(share, 0), 1)
}

// ticks are round moments, eleven at most.
func (a axis) ticks() (ticks []time.Duration) {
	step := niceStep(a.total)
	for i := range a.total/step + 1 { // a sum could overflow
		ticks = append(ticks, i*step)
	}
	return ticks
}

// niceStep is the smallest round step that divides total into at most ten.
func niceStep(total time.Duration) time.Duration {
	for unit := time.Millisecond; unit <= 10*time.Second; unit *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			if step := n * unit; total/step <= 10 {
				return step
			}
		}
	}
	for _, minutes := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720} {
		if step := minutes * time.Minute; total/step <= 10 {
			return step
		}
	}
	return max(24*time.Hour, total/10)
}

// clock is a moment of the run: 7.5 s, and in longer ones 1:20 and 1:02:03.
func (a axis) clock(t time.Duration) string {
	if a.total < 2*time.Minute {
		return strconv.FormatFloat(t.Seconds(), 'f', -1, 64) + " s"
	}
	s := int(t / time.Second)
	pad := func(n int) string { return strconv.Itoa(100 + n)[1:] }
	if s < 3600 {
		return strconv.Itoa(s/60) + ":" + pad(s%60)
	}
	return strconv.Itoa(s/3600) + ":" + pad(s/60%60) + ":" + pad(s%60)
}
