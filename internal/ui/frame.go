package ui

import (
	"bytes"
	"fmt"
)

// frame is one snapshot, encoded, and a link to those who wait for the next.
// It never changes once it is published.
type frame struct {
	id       uint64
	state    []byte   // nil before the first snapshot, and in the last frame
	points   [][]byte // of the charts, the newest last
	added    bool     // the newest point is this frame's
	event    []byte   // what a viewer who has the frame before gets; the same bytes for all
	last     bool     // there will be no more
	replaced chan struct{}
}

func newFrame() *frame { return &frame{replaced: make(chan struct{})} }

// since returns the message for a viewer whose last frame was seen; 0 is none.
func (f *frame) since(seen uint64) []byte {
	if f.event != nil && seen == f.id-1 && seen > 0 {
		return f.event
	}
	return f.message(seen)
}

// message writes the state with the points that a viewer lacks. A viewer who
// lacks more than one gets them all, with "all" true: they take the place of
// those that it has.
func (f *frame) message(seen uint64) []byte {
	points, all := f.points, true
	if seen > 0 && seen == f.id-1 {
		all = false
		points = points[len(points):]
		if f.added {
			points = f.points[len(f.points)-1:]
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\ndata: {\"all\":%t,\"points\":[", f.id, all)
	b.Write(bytes.Join(points, []byte(",")))
	b.WriteString("],\"state\":")
	b.Write(f.state)
	b.WriteString("}\n\n")
	return b.Bytes()
}
