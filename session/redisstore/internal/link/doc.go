// Package link is the way to the servers: which they are, whether they answer,
// and what it means if they do not.
//
//	l, err := link.New("redis-sentinel://:secret@a,b,c/shop", link.Options{})
//	…
//	err = l.Call(ctx, key, func(ctx context.Context, c rueidis.Client) error {
//		return script.Exec(ctx, c, key, "argument").Error()
//	})
//
// # Guarantees
//
//   - An error that is a session.ErrUnavailable means that nothing was sent.
//   - A call returns when its context ends, also while a connection is being
//     made or all places for calls in flight are taken.
//   - A node that does not answer costs callers their time until five calls
//     in a row have failed, then none: calls fail at once, but for one probe
//     every 250 to 500 ms (after a refused login, or another failure that only
//     a person can end, every 1 to 2 s). Other nodes of a Cluster do not notice.
//   - Nobody has to restart anything. When a server answers again, or another
//     one has taken its place, the next probe finds that out. A peer that has
//     vanished without a word is found out by an unanswered probe or, where
//     nobody asks, within 6 s.
//   - On the connection that tracks, a change that was made after an answer is
//     told after it; and after the loss of that connection, or when a master may
//     have changed, OnInvalidate(nil) is called before an answer comes from the
//     next connection.
//   - No error and no log shows a password.
//
// # Not guaranteed
//
//   - Of a call that was sent and failed, whether it had an effect.
//   - Two callers whose connection breaks just as they use it may wait for one
//     another's dial: up to twice Options.DialTimeout.
//   - A replica or Sentinel may be taken for a master's loss: OnInvalidate(nil)
//     can come without need.
//   - In a Cluster rueidis has goroutines that end up to five seconds after
//     Close.
package link
