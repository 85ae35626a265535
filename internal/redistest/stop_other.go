//go:build unix && !linux

package redistest

// stopped knows nothing here: the signal takes effect a moment after it was
// sent.
func stopped(int) error { return nil }
