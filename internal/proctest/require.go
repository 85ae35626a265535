package proctest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// requireVariable lists, with commas, what a run must not do without: redis,
// proc, browser, … It lets CI not go green by skipping.
const requireVariable = "EVENKEEL_REQUIRE"

// Require does nothing if missing is nil. Otherwise it ends the test: as failed
// if EVENKEEL_REQUIRE names the thing, else as skipped, with the reason.
//
//	path, err := exec.LookPath("redis-server")
//	proctest.Require(t, "redis", err)
func Require(t testing.TB, thing string, missing error) {
	t.Helper()
	switch {
	case missing == nil:
	case Required(thing):
		t.Fatalf("%s names %s, which is missing: %v", requireVariable, thing, missing)
	default:
		t.Skipf("no %s: %v (with %s=%s this is a failure)", thing, missing, requireVariable, thing)
	}
}

// Required tells whether EVENKEEL_REQUIRE names the thing.
func Required(thing string) bool {
	names := strings.Split(os.Getenv(requireVariable), ",")
	return slices.ContainsFunc(names, func(n string) bool { return strings.TrimSpace(n) == thing })
}
