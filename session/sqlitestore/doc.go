// Package sqlitestore keeps sessions in one SQLite file that all processes of
// one machine share: no server to run, and nothing lost when processes restart
// or are killed.
//
//	store, err := sqlitestore.Open("/var/lib/shop/sessions.db", sqlitestore.Options{})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	sessions, err := session.New(store, session.Options{})
//
// The file is in write-ahead-log mode and has two companions, PATH-wal and
// PATH-shm, that belong to it. Copy it only with SQLite's own means (VACUUM
// INTO, or the backup command). The driver is modernc.org/sqlite: no C
// compiler is needed.
//
// # Guarantees
//
//   - The whole contract of session.Store, between any number of processes. A
//     commit is one transaction, begun with the write lock: no other process
//     writes between its checks and its effect.
//   - A commit is answered after COMMIT. From then on it survives the death of
//     any or all processes, kill -9 included. A process killed inside a
//     transaction leaves nothing of it.
//   - With Options.FullSync it also survives a power loss, as far as the disk
//     keeps its promises.
//   - Disk full, I/O errors, a locked file and damage are errors of their own
//     (ErrFull, ErrIO, ErrBusy, ErrCorrupt), never an absent session. After
//     them the store goes on by itself when the cause is gone.
//   - A damaged record is found by its check sum and concerns no other one.
//   - Files of newer layouts, files of others, files that other users can
//     read, and network file systems (on Linux) are refused when opened.
//   - Expiry is tested in every load and commit; expired records are removed
//     along with commits, at most 32 per transaction.
//
// # Not guaranteed
//
//   - Without FullSync, the newest commits after a power loss or a crash of
//     the operating system. The file itself stays sound.
//   - Anything on a file system that is shared between machines. Off Linux
//     such file systems are not recognised.
//   - Fairness between processes at saturation: each waits for the lock with
//     short random sleeps, and within one process first come is first served.
//   - Secrecy against readers of the disk: attributes are stored as the
//     application gives them. Verifiers are stored as hashes only.
//   - That the file shrinks: space of removed records is used again.
//   - Two copies of SQLite in one process on one file: POSIX locks belong to
//     the process, and whoever opens and closes the file beside this package
//     drops them. Do not read the file with os.Open while it is in use.
//
// # One record, one row
//
// A record is one value in one row and is written as a whole. A row per
// attribute was measured against it (go test -bench Layout; EPYC, ext4; sessions
// of 1 KB in 8 attributes and of 16 KB in 32, a commit changes one attribute
// and the bookkeeping; log is what a commit appends to the write-ahead log):
//
//	                       1 KB               16 KB
//	one row       load     6.6 µs             17 µs
//	              commit   21 µs, 4.1 KB log  50 µs, 11 KB log
//	row per       load     9.2 µs             39 µs
//	attribute     commit   30 µs, 5.6 KB log  64 µs,  8 KB log
//
// Fetching rows costs more than copying bytes, and SQLite writes only the
// pages of a row that differ when the row keeps its size; when it does not,
// the 16 KB commit takes 59 µs and 16 KB of log. The price is paid by large
// sessions, whose every commit can rewrite all of them: about 2.5 ms for
// 512 KB.
//
// Complete loads take 11 µs (1 KB) and 26 µs (16 KB), commits 43 µs and 70 µs;
// with 64 goroutines, which share transactions, 20 µs and 48 µs (go test
// -bench 'Load|Commit'). Four processes that commit 100 times a second each
// wait 0.2 ms in the median and 1.4 ms in the 99th percentile (-bench
// Processes).
package sqlitestore
