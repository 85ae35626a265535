package drain

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const s = time.Second

func TestBudgetArithmetic(t *testing.T) {
	for _, c := range []struct {
		name           string
		b              Budget
		needed, margin time.Duration
		print          string
	}{
		{"zero is all defaults", Budget{}, 40 * s, 4 * s,
			"withdraw 5s + max(requests 30s, streams 30s) + flush 5s + margin 4s = 44s"},
		{"streams are longer", Budget{10 * s, 30 * s, 60 * s, 5 * s}, 75 * s, 5 * s,
			"withdraw 10s + max(requests 30s, streams 60s) + flush 5s + margin 5s = 80s"},
		{"requests are longer", Budget{10 * s, 30 * s, s, 5 * s}, 45 * s, 4500 * time.Millisecond,
			"withdraw 10s + max(requests 30s, streams 1s) + flush 5s + margin 4.5s = 49.5s"},
		{"nothing at all", Budget{None, None, None, None}, 0, 2 * s,
			"withdraw 0s + max(requests 0s, streams 0s) + flush 0s + margin 2s = 2s"},
		{"least margin", Budget{None, 20 * s, None, None}, 20 * s, 2 * s,
			"withdraw 0s + max(requests 20s, streams 0s) + flush 0s + margin 2s = 22s"},
		{"most margin", Budget{None, 50 * s, None, None}, 50 * s, 5 * s,
			"withdraw 0s + max(requests 50s, streams 0s) + flush 0s + margin 5s = 55s"},
		{"does not overflow", Budget{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64}, math.MaxInt64, 5 * s,
			"withdraw 9223372036.854s + max(requests 9223372036.854s, streams 9223372036.854s) + flush 9223372036.854s + margin 5s = 9223372036.854s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.b.Needed(); got != c.needed {
				t.Errorf("needed %v, want %v", got, c.needed)
			}
			if got := c.b.Margin(); got != c.margin {
				t.Errorf("margin %v, want %v", got, c.margin)
			}
			if got := c.b.String(); got != c.print {
				t.Errorf("arithmetic\n got %s\nwant %s", got, c.print)
			}
		})
	}
}

func TestBudgetFit(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		b     Budget
		grace time.Duration
		want  Budget
		err   string // part of it
	}{
		{name: "defaults where there is room", grace: 44 * s, want: Budget{5 * s, 30 * s, 30 * s, 5 * s}},
		{name: "defaults shrink to the usual grace", grace: 30 * s, want: Budget{5 * s, 17272 * ms, 17272 * ms, 5 * s}},
		{name: "only streams shrink where that is enough", b: Budget{Requests: 10 * s}, grace: 30 * s,
			want: Budget{5 * s, 10 * s, 17272 * ms, 5 * s}},
		{name: "set streams keep, requests shrink", b: Budget{Streams: 10 * s}, grace: 30 * s,
			want: Budget{5 * s, 17272 * ms, 10 * s, 5 * s}},
		{name: "set values that fit exactly", b: Budget{10 * s, 30 * s, 60 * s, 5 * s}, grace: 80 * s,
			want: Budget{10 * s, 30 * s, 60 * s, 5 * s}},
		{name: "set values that do not fit", b: Budget{10 * s, 30 * s, 60 * s, 5 * s}, grace: 30 * s,
			err: "withdraw 10s + max(requests 30s, streams 60s) + flush 5s + margin 5s = 80s > grace 30s"},
		{name: "a nanosecond too much", b: Budget{10 * s, 30 * s, 60 * s, 5 * s}, grace: 80*s - 1, err: "= 80s > grace 79.999s"},
		{name: "set streams, default requests do not help", b: Budget{Streams: 60 * s}, grace: 30 * s,
			err: "withdraw 5s + max(requests 17.272s, streams 60s) + flush 5s + margin 5s = 75s > grace 30s"},
		{name: "defaults of withdraw and flush do not shrink", grace: 10 * s,
			err: "withdraw 5s + max(requests 1s, streams 1s) + flush 5s + margin 2s = 13s > grace 10s"},
		{name: "the least grace for defaults", grace: 13 * s, want: Budget{5 * s, s, s, 5 * s}},
		{name: "tiny grace with nothing but requests", b: Budget{None, 0, None, None}, grace: 3 * s, want: Budget{None, s, None, None}},
		{name: "tiny grace with nothing", b: Budget{None, None, None, None}, grace: 2 * s, want: Budget{None, None, None, None}},
		{name: "the margin alone is too long", b: Budget{None, None, None, None}, grace: s,
			err: "withdraw 0s + max(requests 0s, streams 0s) + flush 0s + margin 2s = 2s > grace 1s"},
		{name: "no grace", err: "grace period is 0s: it must be positive"},
		{name: "negative grace", grace: -s, err: "grace period is -1s"},
		{name: "negative value", b: Budget{Requests: -3 * s}, grace: 30 * s,
			err: "requests is -3s: want a positive duration, 0 for the default 30s, or drain.None"},
		{name: "overflow does not fit", b: Budget{math.MaxInt64, math.MaxInt64, 0, 0}, grace: time.Hour, err: "> grace 3600s"},
		{name: "endless grace", b: Budget{Streams: 24 * time.Hour}, grace: math.MaxInt64,
			want: Budget{5 * s, 30 * s, 24 * time.Hour, 5 * s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.b.Fit(c.grace)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %+v, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestFitErrorHasItsNumbers(t *testing.T) {
	_, err := Budget{Requests: 60 * s}.Fit(30 * s)
	var fit *FitError
	if !errors.As(err, &fit) || fit.Grace != 30*s || fit.Budget.Requests != 60*s {
		t.Fatalf("got %#v", err)
	}
	if _, err := New(Options{Budget: Budget{Requests: 60 * s}}); !errors.As(err, &fit) {
		t.Fatalf("New: got %v, want a *FitError for the default grace", err)
	}
}

// Whatever goes in: what comes out fits, keeps what was set, never grows a
// default, and is final.
func TestBudgetFitProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	value := func() time.Duration {
		switch rng.IntN(4) {
		case 0:
			return 0
		case 1:
			return None
		case 2:
			return time.Duration(1 + rng.Int64N(int64(100*s)))
		default:
			return time.Duration(1 + rng.Int64N(math.MaxInt64-1))
		}
	}
	fits := 0
	for range 20_000 {
		b := Budget{value(), value(), value(), value()}
		grace := time.Duration(1 + rng.Int64N(int64(200*s)))
		got, err := b.Fit(grace)
		if err != nil {
			continue
		}
		fits++
		if got.Needed()+got.Margin() > grace {
			t.Fatalf("%+v in %v: %+v does not fit", b, grace, got)
		}
		for _, f := range [][3]time.Duration{
			{b.Withdraw, got.Withdraw, DefaultWithdraw}, {b.Requests, got.Requests, DefaultRequests},
			{b.Streams, got.Streams, DefaultStreams}, {b.Flush, got.Flush, DefaultFlush},
		} {
			if set, is, def := f[0], f[1], f[2]; set != 0 && is != set || set == 0 && (is > def || is < leastShrunk) {
				t.Fatalf("%+v in %v: %+v", b, grace, got)
			}
		}
		if again, err := got.Fit(grace); err != nil || again != got {
			t.Fatalf("%+v again in %v: %+v, %v", got, grace, again, err)
		}
	}
	if fits < 1000 {
		t.Fatalf("only %d of 20000 fitted: the test looks at too little", fits)
	}
}

// most is the inverse of adding a margin.
func TestMost(t *testing.T) {
	for grace := 2 * s; grace < 120*s; grace += 7 * time.Millisecond {
		n := most(grace)
		b := Budget{Withdraw: None, Requests: n, Streams: None, Flush: None}
		if n == 0 {
			continue
		}
		more := b
		more.Requests += 10
		if !b.fits(grace) || more.fits(grace) {
			t.Fatalf("most(%v) = %v: fits %v, with 10ns more %v", grace, n, b.fits(grace), more.fits(grace))
		}
	}
}
