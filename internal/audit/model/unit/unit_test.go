package unit

import (
	"testing"
	"time"
)

// Expected values are those of systemd-analyze timespan.
func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1min 30s": 90 * time.Second, "1min30": 90 * time.Second, "2h": 2 * time.Hour, "500ms": 500 * time.Millisecond,
		"1.5s": 1500 * time.Millisecond, "1 day": 24 * time.Hour, "30 sec": 30 * time.Second,
	} {
		if got, ok := duration(text); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "infinity", "x", "5 parsecs", "-1", "5s -"} {
		if got, ok := duration(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
