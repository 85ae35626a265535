package report

import (
	"encoding/json"
	"fmt"
	"slices"
)

// NewSeries is a Series that begins with what a snapshot holds; empty if the
// snapshot is none that a Series gives.
func NewSeries(snap Snapshot) *Series {
	s := &Series{index: map[string]int{}}
	if snap.Width <= 0 || len(snap.Buckets) > maxBuckets {
		return s
	}
	s.width, s.buckets = snap.Width, slices.Clone(snap.Buckets)
	s.names = slices.Clone(snap.Instances[:min(len(snap.Instances), maxInstances)])
	for i, name := range s.names {
		s.index[name] = i
	}
	for i := range s.buckets {
		b := &s.buckets[i]
		b.Requests, b.Failed, b.Streams, b.Breaks = max(b.Requests, 0), max(b.Failed, 0), max(b.Streams, 0), max(b.Breaks, 0)
		if len(s.names) < maxInstances {
			b.Answers = b.Answers[:min(len(b.Answers), len(s.names))]
		}
	}
	return s
}

// bucketJSON is a Bucket as text. Latency is a list of pairs: the number of a
// histogram's cell, and what is in it.
type bucketJSON struct {
	Requests int         `json:"requests"`
	Failed   int         `json:"failed,omitempty"`
	Answers  []int       `json:"answers,omitempty"`
	Streams  int         `json:"streams,omitempty"`
	Breaks   int         `json:"breaks,omitempty"`
	Latency  [][2]uint32 `json:"latency,omitempty"`
}

// MarshalJSON writes all of the bucket.
func (b Bucket) MarshalJSON() ([]byte, error) {
	j := bucketJSON{Requests: b.Requests, Failed: b.Failed, Answers: b.Answers, Streams: b.Streams, Breaks: b.Breaks}
	for i, n := range b.latency {
		if n > 0 {
			j.Latency = append(j.Latency, [2]uint32{uint32(i), n})
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Bucket) UnmarshalJSON(data []byte) error {
	var j bucketJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if len(j.Answers) > maxInstances+1 {
		return fmt.Errorf("bucket of %d instances, at most %d wanted", len(j.Answers), maxInstances+1)
	}
	*b = Bucket{Requests: j.Requests, Failed: j.Failed, Answers: j.Answers, Streams: j.Streams, Breaks: j.Breaks}
	for _, cell := range j.Latency {
		if cell[0] >= latencies {
			return fmt.Errorf("latency cell %d, there are %d", cell[0], latencies)
		}
		b.latency[cell[0]] = cell[1]
	}
	return nil
}
