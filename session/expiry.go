package session

import (
	"math"
	"time"
)

// Expires is the time from which on the record counts as absent, in the
// store's clock:
//
//   - a confirmed record, 1.1 times the idle timeout after Accessed (an access
//     is recorded only when 10 % of the idle timeout has passed since the last
//     one, so a session lives at least the idle timeout);
//   - an unconfirmed one, the same after Created, at most UnconfirmedLife;
//   - neither beyond Absolute;
//   - a tombstone, the idle timeout after the write that made it, at least a
//     minute, at most TombstoneLife.
func (r *Record) Expires() time.Time {
	if r.Gone != "" {
		return time.UnixMilli(r.Version.N).UTC().Add(min(max(r.Idle, time.Minute), TombstoneLife))
	}
	end := r.Accessed.Add(idleBound(r.Idle))
	if r.Accessed.IsZero() {
		end = r.Created.Add(min(idleBound(r.Idle), UnconfirmedLife))
	}
	if !r.Absolute.IsZero() && r.Absolute.Before(end) {
		return r.Absolute
	}
	return end
}

// live returns the record, nil if it has expired at now.
func (r *Record) live(now time.Time) *Record {
	if r == nil || !now.Before(r.Expires()) {
		return nil
	}
	return r
}

// readable tells whether this version of the package understands a record.
func (r *Record) readable() bool {
	return r.Format == Format || r.Format == Format-1 && r.Format > 0
}

// idleBound is 1.1 times the idle timeout in whole milliseconds, without
// overflowing.
func idleBound(idle time.Duration) time.Duration {
	if idle > math.MaxInt64/11*10 {
		return math.MaxInt64
	}
	return (idle + idle/10).Truncate(time.Millisecond)
}

// millis is t in the precision and the location of stored times.
func millis(t time.Time) time.Time {
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// later is the later one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
