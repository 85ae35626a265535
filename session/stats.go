package session

import "sync/atomic"

// Stats are counts since the manager was made. Each is exact; a snapshot as a
// whole is not of one instant.
type Stats struct {
	Requests      int64 // that passed through Handler
	Malformed     int64 // cookies or headers of the name that were not used
	Loads         int64 // calls of Store.Load
	LoadFailures  int64 // of these, without an answer, or of an unknown format
	Unavailable   int64 // calls of the store that it refused at once, with ErrUnavailable
	Absent        int64 // loads answered with ErrNotFound
	Gone          int64 // loads answered with ErrGone
	Superseded    int64 // loads and commits answered with ErrSuperseded
	Commits       int64 // calls of Store.Commit, with retries
	Refused       int64 // of these, refused by the store with a reason
	Retries       int64 // of these, sent again because the outcome was open
	Late          int64 // of these, that reached the store too late
	Unknown       int64 // writes whose outcome stayed open
	Degraded      int64 // commits that fewer replicas have than were asked for, see Result.Degraded
	Conflicts     int64 // attempts of Update that met another's write
	Started       int64 // sessions
	StartsRefused int64 // by Options.MaxStarts
	Renewed       int64 // verifiers, at sign-ins or by time
	Ended         int64 // sessions, by SignOut or a sign-in as another principal
	Revoked       int64 // sessions, by Revoke and RevokeOthers
	Lost          int64 // loads that found no session where one was seen, see LossSession
	RolledBack    int64 // loads of an older state than was seen, see LossWrites
	Replaced      int64 // responses replaced because the session could not be committed
}

// counters are Stats while they are being counted.
type counters struct {
	requests, malformed                               atomic.Int64
	loads, loadFailures, absent, gone, superseded     atomic.Int64
	commits, refused, retries, late, unknown          atomic.Int64
	conflicts, started, startsRefused, renewed, ended atomic.Int64
	replaced, unavailable, revoked, lost, rolledBack  atomic.Int64
	degraded                                          atomic.Int64
}

// Stats returns a snapshot of the manager's counts.
func (m *Manager) Stats() Stats {
	c := &m.count
	return Stats{
		Requests: c.requests.Load(), Malformed: c.malformed.Load(),
		Loads: c.loads.Load(), LoadFailures: c.loadFailures.Load(), Unavailable: c.unavailable.Load(),
		Absent: c.absent.Load(), Gone: c.gone.Load(), Superseded: c.superseded.Load(),
		Commits: c.commits.Load(), Refused: c.refused.Load(), Retries: c.retries.Load(),
		Late: c.late.Load(), Unknown: c.unknown.Load(), Degraded: c.degraded.Load(), Conflicts: c.conflicts.Load(),
		Started: c.started.Load(), StartsRefused: c.startsRefused.Load(),
		Renewed: c.renewed.Load(), Ended: c.ended.Load(), Revoked: c.revoked.Load(),
		Lost: c.lost.Load(), RolledBack: c.rolledBack.Load(), Replaced: c.replaced.Load(),
	}
}
