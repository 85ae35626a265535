// Package engine is the drill's load: virtual users with cookies and
// connections of their own, who use a service as browsers do and write down what
// they were answered.
//
//	load, err := engine.New(engine.Options{
//		Targets:  []string{"http://127.0.0.1:8080"},
//		Dialect:  engine.Probe{Secret: secret},
//		Users:    200,
//		Pace:     engine.Pace{Rate: 1000},
//		Duration: time.Minute,
//		Seed:     1,
//	})
//	… err handled
//	err = load.Run(ctx, checker.Observe) // blocks; load.Stats() meanwhile
//	health := load.Health()
//
// The same users can be driven by hand: [Client], [User.Do], [User.Masked].
//
// # How a user behaves
//
// A user signs in, at times presenting the cookie of an earlier session; then
// works in steps of an absolute schedule: bursts of 2 to 6 overlapping appends
// to distinct keys, reads, increments, renewals of the session ID that overlap
// with all of these, and requests that take one to two seconds. After some
// steps everything comes to rest, a settle read is made, and the user signs
// out, often while a last request is on its way; the cookies of the ended
// session are replayed at once, when nothing is in flight any more, and during
// later sessions. Then it begins again. A user who is answered as anonymous makes a settle read as
// well, and signs in again if that is anonymous too. At the end all users
// settle.
//
// Some users (Options.Streams) hold a stream of events besides, where the
// dialect is a Streamer: on a connection of its own, from the login to the end
// of the session. It is resumed with Last-Event-ID when it has broken, and now
// and then broken on purpose. Each connection is one operation, which has
// returned when the connection ended; only its first and last event and the
// first that did not follow are kept.
//
// Some users (Options.Expiry) find out when sessions end: they go idle after a
// settle read, look shortly before the timeout and when it has passed for
// certain; or they use a session for longer than the absolute timeout.
//
// Load is partly open: within a session a step begins when it is due, on
// another connection (lane) if earlier requests have not been answered; with
// all lanes taken a request is shed and counted. Sign-in, settle read and
// sign-out wait for their answers, as people do, and move the schedule.
//
// # Guarantees
//
//   - No hidden retries: each exchange is sent once. The one resend that a
//     browser does by itself is a call of its own and recorded.
//   - A time-out, a reset, an end of stream and a refusal are told apart, and
//     whether a byte of an answer had come.
//   - A connection that the service closed while it was idle is noticed before
//     it is used, as browsers do, and counted as stale, never as a failure.
//   - Every operation that was sent reaches the sink, before the same user's
//     next operation that waits for it begins. All randomness comes from the
//     seed.
//   - Goroutines are bounded by users times lanes, plus one for each stream,
//     plus two. A stream takes two readers of 4 KiB while it is open.
//   - The standard library's parser of answers (net/http.ReadResponse) is all
//     that is shared with what may be under test.
//
// # Not guaranteed
//
//   - HTTP/2, compression, proxies, redirects: none is done. A redirect is an
//     answer like others.
//   - A run is not repeated to the letter by its seed: what a user does next
//     depends on what is still on its way, and so on the machine.
//   - Where a server closes an idle connection while a request is on its way to
//     it, the request fails: nobody can know better.
package engine
