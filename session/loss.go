package session

import (
	"time"
)

// Loss is a sign that the store has lost what it had acknowledged, by a
// failover, a restart from an older state, or an eviction. It is found where
// the browser says which version it has seen (see Options.Cache), or where a
// request reads its session again. Whoever sends cookies can make one up: it
// is for alarms, not for decisions.
type Loss struct {
	Kind LossKind
	// Seen is when the version that is missing was made, in the store's clock.
	Seen time.Time
	// Found is when the version that the store has was made; zero if it has
	// no session.
	Found time.Time
}

// LossKind says what is missing.
type LossKind string

// The kinds of a Loss.
const (
	// LossSession: there is no session, though it was written not long ago:
	// within Options.IdleTimeout and [UnconfirmedLife], for after that it may
	// have expired. One that reached its absolute limit, or an idle timeout
	// of its own below UnconfirmedLife, looks the same.
	LossSession LossKind = "lost"
	// LossWrites: the session is in an older state than one that was seen.
	LossWrites LossKind = "rolled-back"
)

// maxAhead is how far a version's time may be ahead of the store's clock, as
// after a step of the clock. What is further ahead was never made.
const maxAhead = time.Minute

// lossQuiet is how long a logged loss speaks for the next ones.
const lossQuiet = time.Minute

// lost takes note of a session that is not found although the version floor of
// it was seen; 0 is that none was.
func (m *Manager) lost(floor int64) {
	if floor == 0 {
		return
	}
	if age := m.clock.now().Sub(time.UnixMilli(floor)); age < min(m.opt.IdleTimeout, UnconfirmedLife) && age > -maxAhead {
		m.count.lost.Add(1)
		m.reportLoss(Loss{Kind: LossSession, Seen: time.UnixMilli(floor)})
	}
}

// rolledBack takes note of a record that is older than a version that was
// seen.
func (m *Manager) rolledBack(floor int64, rec *Record) {
	if rec.Version.N >= floor || m.clock.now().Sub(time.UnixMilli(floor)) <= -maxAhead {
		return
	}
	m.count.rolledBack.Add(1)
	m.reportLoss(Loss{Kind: LossWrites, Seen: time.UnixMilli(floor), Found: time.UnixMilli(rec.Version.N)})
}

func (m *Manager) reportLoss(l Loss) {
	now := time.Now().UnixNano()
	if last := m.lossLogged.Load(); now-last >= int64(lossQuiet) && m.lossLogged.CompareAndSwap(last, now) {
		m.opt.Logger.Error("session store has lost what it had acknowledged", "kind", l.Kind)
	}
	if m.opt.OnLoss != nil {
		m.opt.OnLoss(l)
	}
}
