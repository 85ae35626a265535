package report

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// answer is an operation that an instance answered.
func answer(instance string, call, ret float64) history.Op {
	return history.Op{Kind: history.State, Call: at(call), Return: at(ret), Status: 200, Instance: instance}
}

func TestSeriesCounts(t *testing.T) {
	var s Series
	failed := history.Op{Return: at(0.6), Outcome: history.Unknown, Failure: &history.Failure{What: "reset"}}
	for _, op := range []history.Op{
		answer("a", 0.5, 0.51), answer("b", 0.6, 0.64), answer("a", 1, 1.02),
		failed,
		{Kind: history.Slow, Call: at(1), Return: at(1.2), Status: 200, Instance: "a"},
		answer("a", 0, 0.1), // observed late
		{Return: -1},
	} {
		s.Observe(op)
	}
	snap := s.Snapshot()
	if snap.Width != bucketWidth || !slices.Equal(snap.Instances, []string{"a", "b"}) || len(snap.Buckets) != 5 {
		t.Fatalf("snapshot of %d buckets of %v, instances %q", len(snap.Buckets), snap.Width, snap.Instances)
	}
	type row struct {
		requests, failed int
		answers          string
	}
	var got []row
	for i := range snap.Buckets {
		b := &snap.Buckets[i]
		got = append(got, row{b.Requests, b.Failed, fmt.Sprint(b.Answers)})
	}
	want := []row{{2, 0, "[1]"}, {0, 0, "[]"}, {3, 1, "[1 1]"}, {0, 0, "[]"}, {2, 0, "[2]"}}
	if !slices.Equal(got, want) {
		t.Errorf("buckets %v, want %v", got, want)
	}
	if p50 := snap.Buckets[4].Quantile(.99); p50 > at(0.03) {
		t.Errorf("the slow request counts: %v", p50)
	}
	if q := snap.Buckets[1].Quantile(.5); q != 0 {
		t.Errorf("a bucket without answers took %v", q)
	}
}

// What the user does not see is no failure, nor is it if the checker says that
// no browser would have hidden it.
func TestSeriesFailures(t *testing.T) {
	masked := history.Failure{What: "eof", Idempotent: true, Reused: true, Masked: true}
	post, answered := masked, masked
	post.Idempotent = false
	answered.Answered = true
	for _, test := range []struct {
		op   history.Op
		want bool
	}{
		{history.Op{}, false},
		{history.Op{Failure: &masked}, false},
		{history.Op{Failure: &post}, true},
		{history.Op{Failure: &answered}, true},
		{history.Op{Failure: &post, Anonymous: true}, false},
	} {
		if got := failedSeen(&test.op); got != test.want {
			t.Errorf("failed %v, want %v: %+v", got, test.want, test.op)
		}
	}
}

// However long the run, no operation is lost and the memory is bounded.
func TestSeriesDoubles(t *testing.T) {
	var s Series
	const ops = 20_000
	end := 2 * time.Hour
	for i := range ops {
		ret := end * time.Duration(i) / ops
		s.Observe(history.Op{Call: ret - 5*time.Millisecond, Return: ret, Status: 200, Instance: "a"})
	}
	snap := s.Snapshot()
	if snap.Width != 8*time.Second || len(snap.Buckets) != 900 {
		t.Errorf("%d buckets of %v, want 900 of 8 s", len(snap.Buckets), snap.Width)
	}
	total, n := snap.sum(func(time.Duration) bool { return true })
	if total.Requests != ops || total.Answers[0] != ops || n != 900 {
		t.Errorf("%d requests, %d answers in %d buckets, want %d in 900", total.Requests, total.Answers[0], n, ops)
	}
	if q := total.Quantile(.5); q < 4650*time.Microsecond || q > 5350*time.Microsecond {
		t.Errorf("median %v, want 5 ms within 7 %%", q)
	}
	for i := range snap.Buckets {
		if n := snap.Buckets[i].Requests; n < 22 || n > 23 {
			t.Fatalf("bucket %d has %d requests, want 22 or 23: they are in the wrong place", i, n)
		}
	}
	s.Observe(history.Op{Return: 1<<63 - 1}) // the end of time
	if n := len(s.Snapshot().Buckets); n > maxBuckets {
		t.Errorf("%d buckets", n)
	}
	coarse := snap.coarse(chartSteps)
	if sum, _ := coarse.sum(func(time.Duration) bool { return true }); len(coarse.Buckets) != 300 || coarse.Width != 24*time.Second || sum.Requests != ops {
		t.Errorf("coarse: %d buckets of %v with %d requests", len(coarse.Buckets), coarse.Width, sum.Requests)
	}
}

func TestSeriesInstances(t *testing.T) {
	var s Series
	for i := range 1000 {
		s.Observe(answer(fmt.Sprintf("shop-%d", i), 0, 0.1))
	}
	s.Observe(answer("shop-7", 0, 0.1))
	snap := s.Snapshot()
	if len(snap.Instances) != maxInstances+1 || snap.Instances[maxInstances] != others || len(s.index) != maxInstances {
		t.Fatalf("%d instances, %d remembered", len(snap.Instances), len(s.index))
	}
	if a := snap.Buckets[0].Answers; a[7] != 2 || a[maxInstances] != 1000-maxInstances {
		t.Errorf("shop-7 answered %d times, the others %d", a[7], a[maxInstances])
	}
}

// A snapshot is a copy, and of nothing is nothing.
func TestSnapshot(t *testing.T) {
	var none *Series
	if snap := none.Snapshot(); len(snap.Buckets) != 0 || len((&Series{}).Snapshot().Buckets) != 0 {
		t.Errorf("buckets of nothing: %+v", snap)
	}
	var s Series
	s.Observe(answer("a", 0, 0.1))
	before := s.Snapshot()
	s.Observe(answer("a", 0, 0.1))
	if b := before.Buckets[0]; b.Requests != 1 || b.Answers[0] != 1 || b.Quantile(.5) == 0 {
		t.Errorf("a snapshot changed: %d requests, %v", b.Requests, b.Answers)
	}
}

func TestSeriesConcurrent(t *testing.T) {
	var s Series
	var wg sync.WaitGroup
	const workers, each = 8, 2000
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				s.Observe(answer(fmt.Sprintf("shop-%d", w), float64(i), float64(i)+0.003))
				if i%500 == 0 {
					s.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	total, _ := s.Snapshot().sum(func(time.Duration) bool { return true })
	if total.Requests != workers*each {
		t.Errorf("%d requests, want %d", total.Requests, workers*each)
	}
	for w, n := range total.Answers {
		if n != each {
			t.Errorf("instance %d answered %d times, want %d", w, n, each)
		}
	}
}

func TestHistogramError(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var h histogram
		// up to 100 s, each power of ten as often
		d := time.Duration(float64(10*time.Microsecond) * pow10(7*rng.Float64()))
		h.record(d)
		for _, q := range []float64{0, .5, .99, 1} {
			if got := h.quantile(q); float64(got) < 0.93*float64(d) || float64(got) > 1.07*float64(d) {
				t.Fatalf("quantile %v of %v is %v", q, d, got)
			}
		}
	}
	var h histogram
	for i := 1; i <= 1000; i++ {
		h.record(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]time.Duration{.5: at(.5), .99: at(.99), 1: at(1)} {
		if got := h.quantile(q); float64(got) < 0.93*float64(want) || float64(got) > 1.07*float64(want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	h.record(-1)
	h.record(time.Hour)
	if got := h.quantile(1); got < time.Minute {
		t.Errorf("an hour counts as %v", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	var s Series
	op := answer("shop-1", 1, 1.004)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		op := op
		for pb.Next() {
			op.Return += 10 * time.Microsecond
			op.Call = op.Return - 4*time.Millisecond
			s.Observe(op)
		}
	})
}

// A stream is open from its call to its end, and breaks unless its user ends it.
func TestSeriesStreams(t *testing.T) {
	var s Series
	for i, end := range []history.StreamEnd{history.Abrupt, history.Announced, history.Silent, history.Refused, history.Dropped, history.Stopped} {
		s.Observe(history.Op{User: i, Kind: history.Stream, Call: at(0.1), Return: at(0.6), Status: 200, Connection: &history.Connection{End: end}})
	}
	s.Observe(history.Op{Kind: history.Stream, Return: at(0.1)}) // of which nothing is known
	snap := s.Snapshot()
	if b := snap.Buckets; len(b) != 3 || b[0].Streams != 5 || b[1].Streams != 5 || b[2].Streams != 5 || b[2].Breaks != 4 || b[0].Breaks != 0 {
		t.Errorf("%+v", b)
	}
	if q := snap.Buckets[2].Quantile(.5); q != 0 {
		t.Errorf("a stream takes %v to answer", q)
	}
	html := render(t, Result{Verdict: check.VerdictPass, Outcome: check.Outcome{Duration: at(1)}, Series: &s})
	if !strings.Contains(html, ">streams</text>") {
		t.Error("the timeline has no streams")
	}
	if strings.Contains(render(t, recorded(cleanRun())), ">streams</text>") {
		t.Error("the control has streams")
	}
}

// A series is the same after it was written and read.
func TestSeriesAsText(t *testing.T) {
	for name, r := range map[string]Result{"short": recorded(brokenRun()), "long": longRun()} {
		text, err := json.Marshal(r.Series.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		var snap Snapshot
		if err := json.Unmarshal(text, &snap); err != nil {
			t.Fatal(err)
		}
		want := render(t, r)
		r.Series = NewSeries(snap)
		if render(t, r) != want {
			t.Errorf("%s: another page", name)
		}
	}
	for _, text := range []string{`{"latency":[[4000,1]]}`, `{"requests":"x"}`, `{"answers":[` + strings.Repeat("1,", 300) + `1]}`} {
		if err := json.Unmarshal([]byte(text), new(Bucket)); err == nil {
			t.Errorf("read %.30s", text)
		}
	}
	for _, snap := range []Snapshot{{Width: -1, Buckets: make([]Bucket, 1)}, {Width: 1, Buckets: make([]Bucket, maxBuckets+1)}} {
		if n := len(NewSeries(snap).Snapshot().Buckets); n != 0 {
			t.Errorf("%d buckets of a series that is none", n)
		}
	}
}
