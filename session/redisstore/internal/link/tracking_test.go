package link

import (
	"testing"
)

func TestTrackedKeysAreReadFromInfo(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "# Stats\r\ntracking_total_items:3\r\n": 0,
		"a:1\r\ntracking_total_keys:700001\r\ntracking_total_items:9\r\n": 700001,
		"tracking_total_keys:x\r\n":                                       0,
	} {
		if got := trackedKeys(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
