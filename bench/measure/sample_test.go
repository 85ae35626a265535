package measure

import (
	"slices"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   Sample
		text   string
	}{
		{nil, Sample{}, "-"},
		{[]float64{7}, Sample{7, 7, 7, 1}, "7.00 (7.00-7.00)"},
		{[]float64{9, 1, 4}, Sample{4, 1, 9, 3}, "4.00 (1.00-9.00)"},
		{[]float64{40, 10, 20, 100}, Sample{30, 10, 100, 4}, "30.0 (10.0-100)"},
		{[]float64{1, 1000, 1, 1, 1}, Sample{1, 1, 1000, 5}, "1.00 (1.00-1000)"},
	} {
		before := slices.Clone(tc.values)
		got := Of(tc.values...)
		if got != tc.want || got.String() != tc.text {
			t.Errorf("Of(%v) = %+v %q, want %+v %q", tc.values, got, got, tc.want, tc.text)
		}
		if !slices.Equal(before, tc.values) {
			t.Errorf("Of changed its values to %v", tc.values)
		}
	}
}

// A machine that becomes three times slower between rounds changes no ratio.
func TestRatiosAreTakenWithinRounds(t *testing.T) {
	a, b := []float64{10, 30, 20}, []float64{5, 15, 10}
	if got, want := Ratios(a, b), (Sample{2, 2, 2, 3}); got != want {
		t.Errorf("Ratios = %+v, want %+v", got, want)
	}
	if got := Ratios(a, nil); got.Rounds != 0 {
		t.Errorf("ratios to nothing: %+v", got)
	}
	if got, want := Ratios([]float64{1, 2, 3}, []float64{0, 4}), (Sample{.5, .5, .5, 1}); got != want {
		t.Errorf("Ratios with a zero and a missing round = %+v, want %+v", got, want)
	}
}

func TestMicros(t *testing.T) {
	if got := Micros(3*time.Millisecond, 2000); got != 1.5 {
		t.Errorf("Micros = %v, want 1.5", got)
	}
	if got := Micros(time.Second, 0); got != 0 {
		t.Errorf("of no requests: %v", got)
	}
}

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.456: "0.46", 9.99: "9.99", 12.34: "12.3", 123.4: "123", 23880: "23880", -1.5: "-1.50"} {
		if got := Figure(v); got != want {
			t.Errorf("Figure(%v) = %q, want %q", v, got, want)
		}
	}
}
