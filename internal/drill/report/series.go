package report

import (
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Bounds of a Series. A run of up to four minutes is kept in quarters of a
// second, one of two hours in buckets of eight seconds. It takes at most 1 MB
// with ten instances and 5 MB with 256.
const (
	bucketWidth  = 250 * time.Millisecond
	maxBuckets   = 1024
	maxInstances = 256
)

// others stands for the instances beyond maxInstances.
const others = "others"

// Series records what a run looked like over time: requests, failures,
// latency, and which instance answered. It is fed with every operation,
// in any order, and is bounded: when a run outgrows it, its buckets become
// twice as wide. The zero value is empty. It is safe for concurrent use.
type Series struct {
	mu      sync.Mutex
	width   time.Duration // of a bucket; 0 before the first operation
	names   []string      // of instances, in order of their first answers
	index   map[string]int
	buckets []Bucket
}

// Bucket is what returned in one span of time.
type Bucket struct {
	Requests int
	Failed   int   // seen by the user; requests in flight at kills among them
	Answers  []int // by instance, as Snapshot.Instances; may be shorter
	Streams  int   // open at once, at most
	Breaks   int   // of streams, by the service or on the way
	latency  histogram
}

// Quantile is the time from call to return that a share q of the answered
// operations did not exceed, within 7 %; 0 where none was answered. Operations
// that are slow on purpose do not count.
func (b *Bucket) Quantile(q float64) time.Duration { return b.latency.quantile(q) }

// Observe adds an operation at the time of its return.
func (s *Series) Observe(op history.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.at(op.Return)
	if op.Kind == history.Stream { // no request
		s.stream(&op)
		return
	}
	b.Requests++
	if failedSeen(&op) {
		b.Failed++
	}
	if op.Status != 0 && op.Kind != history.Slow {
		b.latency.record(op.Return - op.Call)
	}
	if op.Instance == "" {
		return
	}
	i := s.instance(op.Instance)
	for len(b.Answers) <= i {
		b.Answers = append(b.Answers, 0)
	}
	b.Answers[i]++
}

// stream adds a connection of a stream to the times in which it was open.
func (s *Series) stream(op *history.Op) {
	c := op.Connection
	if c == nil {
		return
	}
	switch c.End {
	case history.Refused, history.Announced, history.Abrupt, history.Silent:
		s.at(op.Return).Breaks++
	case history.Dropped, history.Stopped:
	}
	if c.End == history.Refused {
		return
	}
	for i := max(op.Call, 0) / s.width; i <= max(op.Return, 0)/s.width; i++ {
		s.buckets[i].Streams++
	}
}

// failedSeen is what the checker counts as seen: a request that failed and
// that no browser would have resent with success.
func failedSeen(op *history.Op) bool {
	f := op.Failure
	if f == nil || op.Anonymous {
		return false
	}
	return !f.Masked || !f.Idempotent || !f.Reused || f.Answered
}

// at is the bucket of a moment.
func (s *Series) at(t time.Duration) *Bucket {
	if s.width == 0 {
		s.width = bucketWidth
	}
	t = max(t, 0)
	for t/s.width >= maxBuckets {
		s.buckets = merge(s.buckets, 2)
		s.width *= 2
	}
	i := int(t / s.width)
	for len(s.buckets) <= i {
		s.buckets = append(s.buckets, Bucket{})
	}
	return &s.buckets[i]
}

func (s *Series) instance(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	if s.index == nil {
		s.index = map[string]int{}
	}
	i := len(s.names)
	if i >= maxInstances {
		return maxInstances // not indexed, which bounds the memory
	}
	s.names = append(s.names, name)
	s.index[name] = i
	return i
}

// Snapshot is a copy of a Series. Bucket i holds what returned from i times
// Width on.
type Snapshot struct {
	Width     time.Duration
	Instances []string // in order of their first answers; after 256 "others"
	Buckets   []Bucket
}

// Snapshot may be called at any time, also of a nil Series, which is empty.
func (s *Series) Snapshot() Snapshot {
	if s == nil {
		return Snapshot{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := Snapshot{Width: s.width, Instances: slices.Clone(s.names), Buckets: slices.Clone(s.buckets)}
	for i := range snap.Buckets {
		b := &snap.Buckets[i]
		b.Answers = slices.Clone(b.Answers)
		if len(b.Answers) > maxInstances && len(snap.Instances) == maxInstances {
			snap.Instances = append(snap.Instances, others)
		}
	}
	return snap
}

// coarse has at most n buckets.
func (s Snapshot) coarse(n int) Snapshot {
	by := (len(s.Buckets) + n - 1) / max(n, 1)
	if by > 1 {
		s.Buckets = merge(s.Buckets, by)
		s.Width *= time.Duration(by)
	}
	return s
}

// sum adds up the buckets that begin where wanted.
func (s Snapshot) sum(wanted func(from time.Duration) bool) (total Bucket, n int) {
	for i := range s.Buckets {
		if wanted(time.Duration(i) * s.Width) {
			total.add(&s.Buckets[i])
			n++
		}
	}
	return total, n
}

// merge adds up each by neighbours.
func merge(buckets []Bucket, by int) []Bucket {
	merged := make([]Bucket, (len(buckets)+by-1)/by)
	for i := range buckets {
		merged[i/by].add(&buckets[i])
	}
	return merged
}

func (b *Bucket) add(o *Bucket) {
	b.Requests += o.Requests
	b.Failed += o.Failed
	for len(b.Answers) < len(o.Answers) {
		b.Answers = append(b.Answers, 0)
	}
	for i, n := range o.Answers {
		b.Answers[i] += n
	}
	b.Streams = max(b.Streams, o.Streams)
	b.Breaks += o.Breaks
	b.latency.add(&o.latency)
}
