// Package record keeps what a drill saw in one file, run.jsonl.gz, from which
// every report is rendered again, byte for byte.
//
//	w, err := record.Create(dir, record.Header{Users: 200, Started: now, …}, record.Options{Describe: record.Describe(dialect)})
//	// from any goroutine, each operation when it has returned, and each event
//	// when it begins and when it is over:
//	w.Observe(op)
//	w.Event(e)
//	// at the end; r comes back with its witnesses shrunk:
//	r, err = w.Finish(r)
//	// later, also after the drill was killed:
//	run, err := record.Load(dir)
//	err = report.WriteHTML("report.html", os.Stdout, run.Result)
//
// # The file
//
// One JSON object a line, gzip; each has one key that says what it is: header
// (first), op, event, cut (operations are no longer recorded), and, once the run
// has ended, violation, bucket (what happened in one span of time: requests,
// failures, instances, latencies) and result (last).
//
// While the run goes on every operation is written, and at the end the file is
// replaced by one with the operations of the users with a violation, and if
// asked the last 64 of each other user.
//
// # Guarantees
//
//   - What Finish returns and what Load returns give the same reports.
//   - No cookie is in the file: a value is replaced by a keyed hash whose key is
//     forgotten with the run. Secrets in configuration and requests are for the
//     caller to mask, see Header and Describe.
//   - A file that ends early, because the drill or the machine was killed, is
//     judged from the operations that are in it; at most the last second is
//     missing. Such a run is inconclusive, unless it fails.
//   - Memory is bounded in writing and in reading, whatever the file says.
//
// # Not guaranteed
//
//   - All operations: beyond Options.Limit they are not recorded, and a note in
//     the result says so.
//   - Whether the drill was late in a run that was killed.
package record
