package check

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// BenchmarkObserve is what an operation of a simulated healthy run costs to
// judge: 5 to 6 overlapping ones per user, up to about 15 tokens per read.
func BenchmarkObserve(b *testing.B) {
	s, _ := simulate(healthy, 1, 100, 2*time.Second)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := New(Options{RenewalGrace: simGrace})
		b.StartTimer()
		for _, op := range s.ops {
			c.Observe(op)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.ops)), "ns/operation")
}

// BenchmarkObserveLongSession is the same with 200 tokens in every read.
func BenchmarkObserveLongSession(b *testing.B) {
	c := New(Options{})
	shown := ""
	c.Observe(login(0, 1).finish())
	for i := range 200 {
		name := history.Token("", 1, 1, i)[len("u1-1-"):]
		c.Observe(write(name, 2+i, 3+i).finish())
		shown += name + " "
	}
	op := look(300, 301, shown).finish()
	b.ReportAllocs()
	for b.Loop() {
		op.Call += 2 * time.Millisecond
		op.Return += 2 * time.Millisecond
		c.Observe(op)
	}
}
