// Package metrics shows the counts of evenkeel's libraries to Prometheus. The
// libraries import no metrics system; this package reads their snapshots.
//
//	mux.Handle("GET /metrics", metrics.Handler(
//		metrics.Session(sessions.Stats),
//		metrics.Redis(store.Stats),
//	))
//
// # Guarantees
//
//   - Names are evenkeel_<package>_<what>_<unit>. All are listed in
//     docs/reference/metrics.md, which a test compares with the code.
//   - Only those of the gateway have labels: its groups and targets, whose
//     number the operator decides. None says anything of a session, an
//     attribute or a principal.
//   - A scrape takes one snapshot of each source and keeps nothing.
//
// # Not guaranteed
//
//   - That the counts of one scrape are of one instant: a snapshot is not.
package metrics
