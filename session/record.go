package session

import (
	"bytes"
	"maps"
	"slices"
)

// Clone returns a copy that shares no memory with r.
func (r *Record) Clone() *Record {
	if r == nil {
		return nil
	}
	c := *r
	c.Superseded = slices.Clone(r.Superseded)
	for i := range c.Superseded {
		c.Superseded[i].Fenced = slices.Clone(c.Superseded[i].Fenced)
	}
	c.Writes = slices.Clone(r.Writes)
	for i := range c.Writes {
		c.Writes[i].Values = slices.Clone(c.Writes[i].Values)
	}
	c.Attributes = maps.Clone(r.Attributes)
	for name, value := range c.Attributes {
		c.Attributes[name] = bytes.Clone(value)
	}
	return &c
}

// stored returns the result of the write of that ID, if the ring holds it.
func (r *Record) stored(id string) (Result, bool) {
	i := slices.IndexFunc(r.Writes, func(w Write) bool { return w.ID == id })
	if i < 0 {
		return Result{}, false
	}
	// Only writes change the version, so the next one's base is what this one
	// made.
	n := r.Version.N
	if i+1 < len(r.Writes) {
		n = r.Writes[i+1].Base
	}
	return Result{
		Version:    Version{N: n, Write: id},
		Generation: r.Generation,
		Values:     slices.Clone(r.Writes[i].Values),
		Repeated:   true,
	}, true
}

// remembers tells whether the ring would still hold a write that was based on
// base, had it been applied.
func (r *Record) remembers(base Version) bool {
	return len(r.Writes) < MaxWrites || r.Writes[0].Base <= base.N
}

// remember adds a write to the ring, in a new slice.
func remember(ring []Write, w Write) []Write {
	keep := ring[max(0, len(ring)-MaxWrites+1):]
	return append(slices.Clone(keep), w)
}
