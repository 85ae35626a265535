// Package check judges what virtual users saw against what they did: did
// anybody lose a session, an acknowledged write or a request.
//
//	c := check.New(check.Options{IdleTimeout: 30 * time.Minute})
//	// from any goroutine, each operation when it has returned:
//	c.Observe(op)
//	// when a scale event begins, and again when it is over, with all phases:
//	c.Event(history.Event{ID: 1, Kind: "scale-in", Triggered: t, Terminating: -1, Ready: -1, Settled: -1})
//	c.Event(done)
//	// when the drill itself was late:
//	c.Window(check.Window{From: a, To: b})
//	live := c.Progress() // at any time
//	// after the last operation of every user has been observed:
//	outcome := c.Finish()
//	verdict := check.Judge(outcome, check.Required(check.TierProbe), nil)
//	os.Exit(verdict.ExitCode())
//
// An operation a is before an operation b if a.Return < b.Call; otherwise they
// overlap, and nothing is required between them. Only the stamps of the
// operations count, never the moment of a call to Observe, so a starved drill
// makes no violation. An outcome that is unknown may have happened or not;
// what was seen once has to stay.
//
// # What a driver does
//
//   - It observes an operation before the same user's next operation that
//     depends on it begins, so that answers that a later one is measured by are
//     known. An operation that is observed late is judged less strictly.
//   - It makes a State read with Settle before a logout and at the end, when the
//     user's other operations have ended: only what is missing there is lost. It
//     repeats a settle read that failed.
//   - After an anonymous answer it makes one more State read of the epoch, which
//     begins when the others have ended, before it logs the user in again (a new
//     Epoch). That read tells a session that is lost from one that was missing
//     during a renewal.
//   - It makes an Expiry read when nothing of the user is in flight but its
//     stream.
//   - A Stream is observed for each connection, with the Broken of the break it
//     resumes, also for attempts that brought nothing.
//   - It replays the cookie of an epoch after its logout (G9), and may replay an
//     older generation of a live epoch with Sent set (G8).
//   - Tokens are made by history.Token, or Options.TokenUser tells whose they are.
//
// # What is counted
//
// Every guarantee has its own unit, and each one is bad once at most (a renewal
// once for each reason):
//
//	G1  a session times an event that it lived through: proven before the event
//	    was triggered and checked, by a call, after it had settled. Without
//	    events: a session that was checked at least twice. A lost session is one
//	    more, once, however many requests were turned away.
//	G2  a token that a read saw and a later read was checked for
//	G3  an acknowledged token that a later read was checked for
//	G4  an acknowledged token that a settle read was checked for
//	G5  a ticket, and the final count of an epoch with increments
//	G6  an answer that showed a marker or tokens or set a session cookie
//	G7  an Expiry read that fell within the time in which the session had to be
//	    there, or in which it had to be gone; none where the drill was late
//	G8  a renewal: a rotate that was answered, a login that presented a cookie
//	G9  a logout whose cookie was replayed
//	G10 a request
//	G11 a connection of a stream that brought two events, and a resume; a resume
//	    or beginning that did not come in time
//	G12 a token seen
//
// One loss is filed once, by the gravest that is proven: a write that was
// acknowledged and is missing in the settle read is G4 (grade lost, or rollback
// if a read had seen it), although the reads that missed it broke G2 or G3 as
// well. A write that was not acknowledged, was seen and is gone is a G2
// rollback. What was missing and came back, or was not looked for again in a
// settle read, is stale: G2 if a read had seen it before (or two overlapping
// reads each showed what the other lacked), else G3. An answer that shows
// anything of another user is G6 and judged by nothing else. A session that is
// turned away by an operation that overlaps an acknowledged renewal, and by no
// other, is G8; by an Expiry read, or a stream during the pause before it, G7,
// unless an event met the pause: then it was lost, which is G1, as is all else.
//
// Of a stream that skips events these are lost; one that goes on later than
// Options.ResumeWithin is stale, one that does not, or never comes, is lost;
// repeated events have no grade. Of a break the first finding counts.
//
// # Guarantees
//
//   - A history that the contract allows has no violation, whatever the outcomes
//     and overlaps are.
//   - Memory per user is bounded by the tokens of its current and last epoch and
//     the last 64 operations; findings are kept up to 512 for each guarantee and
//     64th part of the users, those beyond are counted.
//   - All methods are safe for concurrent use.
//
// # Not guaranteed
//
//   - Without a timeout in Options, and Expiry reads that the driver makes for
//     it, G7 is not exercised; nor is G11 without streams.
//   - An operation of unknown outcome may extend a session at any later time:
//     the idle timeout of that session is not judged any more.
//   - Who is turned away while a stream is resumed is not judged by G11, but by
//     G1. What a stream shows after its user began to sign out is not judged.
//   - Less is asked for than that a session is linearizable: a read may show a
//     token that nobody had asked for by then, and of two writes, one after the
//     other, the second alone while it overlaps the first; a number between two
//     tickets need not have been taken by anybody. But for that the tests let
//     Porcupine, a checker of linearizability, judge the same histories.
//   - A chain test between overlapping reads looks back 64 reads.
//   - A second login of a user whose earlier session was never logged out may
//     carry that session's counter over; its final count is judged with that
//     allowance.
package check
