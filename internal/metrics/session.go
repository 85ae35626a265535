package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/evenkeel/evenkeel/session"
)

// Session shows the counts of a [session.Manager]; stats is its Stats method.
func Session(stats func() session.Stats) prometheus.Collector {
	var all []metric[session.Stats]
	count := func(name, help string, value func(session.Stats) int64) {
		all = append(all, metric[session.Stats]{
			"evenkeel_session_" + name + "_total", prometheus.CounterValue, help,
			func(s session.Stats) float64 { return float64(value(s)) },
		})
	}
	type s = session.Stats
	count("requests", "Requests that passed through the middleware.", func(s s) int64 { return s.Requests })
	count("malformed", "Cookies and headers of the session's name that were not used.", func(s s) int64 { return s.Malformed })
	count("loads", "Loads from the store.", func(s s) int64 { return s.Loads })
	count("load_failures", "Loads that got no answer, or met an unknown format.", func(s s) int64 { return s.LoadFailures })
	count("unavailable", "Calls that the store refused at once because its server does not answer.", func(s s) int64 { return s.Unavailable })
	count("absent", "Loads that found no session.", func(s s) int64 { return s.Absent })
	count("gone", "Loads that found the tombstone of an invalidated session.", func(s s) int64 { return s.Gone })
	count("superseded", "Loads and commits with a verifier or generation that was renewed since.", func(s s) int64 { return s.Superseded })
	count("commits", "Commits to the store, with retries.", func(s s) int64 { return s.Commits })
	count("refused", "Commits that the store refused with a reason.", func(s s) int64 { return s.Refused })
	count("retries", "Commits that were sent again because the outcome was open.", func(s s) int64 { return s.Retries })
	count("late", "Commits that reached the store too late and were not applied.", func(s s) int64 { return s.Late })
	count("unknown", "Commits whose outcome stayed open.", func(s s) int64 { return s.Unknown })
	count("conflicts", "Attempts of Update that met another request's write.", func(s s) int64 { return s.Conflicts })
	count("started", "Sessions that were started.", func(s s) int64 { return s.Started })
	count("starts_refused", "Sessions that were not started because of the limit per second.", func(s s) int64 { return s.StartsRefused })
	count("renewed", "Renewals, at sign-ins and by time.", func(s s) int64 { return s.Renewed })
	count("ended", "Sessions invalidated by a sign-out, or by a sign-in as another principal.", func(s s) int64 { return s.Ended })
	count("revoked", "Sessions invalidated by a revocation.", func(s s) int64 { return s.Revoked })
	count("lost", "Loads that found no session where a browser had seen one.", func(s s) int64 { return s.Lost })
	count("degraded", "Commits that fewer replicas had acknowledged in time than were asked for.", func(s s) int64 { return s.Degraded })
	count("rolled_back", "Loads of an older state of a session than a browser had seen.", func(s s) int64 { return s.RolledBack })
	count("replaced", "Responses that were replaced because the session could not be committed.", func(s s) int64 { return s.Replaced })
	return newCollector(stats, all)
}
