// Package durable waits until replicas have what a master has committed, for
// many callers at once.
//
//	t := g.Before(ctx, key)            // free, but for the first on a connection
//	… the commit, by link.Call with the same key …
//	acked, err := g.Wait(ctx, key, t)  // acked < Options.Replicas is degraded
//
// # How it works
//
// Redis answers WAIT by the replication offset behind the last write of the
// connection that asks. So somebody who asks on another connection than that of
// the commits writes first: a round is a small SET and a WAIT on a connection of
// its own. A commit that was answered before the SET was sent has a smaller
// offset in the stream of the same master, and a replica acknowledges an offset
// when it has executed all before it. Hence one round vouches for all commits
// that were answered before it began. There is one round at a time to each
// master; callers that come meanwhile share the next one. The goroutine that
// does the rounds ends when nobody waits.
//
// Offsets mean that only if the SET was executed by the process that had
// executed the commit, and if that has been a master throughout: one that was
// demoted and promoted again may have lost the commit. Both are one link.Term,
// named by the replication ID, which no two masters share and which a
// promotion changes. That a commit belongs to a term is known from both ends:
//
//   - Before takes the ID that was asked for over the connection that carries
//     commits, and Wait begins with whether that connection has been lost or
//     replaced since. So the commit between them was executed by that process,
//     in that term or a later one of the same process.
//   - The round ends with the ID as the connection of the round sees it, after
//     the WAIT. If it is the same, the term lasted from before the commit until
//     after the acknowledgements.
//
// In a Cluster the server may have redirected the commit. So a round there
// begins by looking at every key, which is an error unless the key is at that
// master, who then has what was committed to it, wherever that was executed.
//
// A commit that finds its earlier attempt done needs no more than one that does
// something: it has seen that the master has it, within the term.
//
// # Guarantees
//
//   - If Wait returns Options.Replicas or more, so many replicas have the
//     commit, in memory, in the replication stream of the master that answered
//     it. Failovers, restarts, lost connections, redirects and moving slots at
//     any moment make an answer degraded, never a false acknowledgement.
//   - Wait returns within Options.Timeout.
//   - Before the first Wait, and when nobody waits, there is no goroutine. After
//     Close has returned there is none any more.
//
// # Not guaranteed
//
//   - That the commit survives: a replica that does not have it may be the one
//     that is promoted, unless Options.Replicas counts all that may be. WAIT is
//     no consensus, and says nothing of disks.
//   - That a degraded commit is lost, or not acknowledged: it was applied by
//     the master, and how many replicas have it is a lower bound.
//   - An acknowledgement for every commit that has its replicas: where it is not
//     known that nothing changed, the answer is degraded. So it is for commits
//     under way when a connection to their master is lost, when the master gets
//     its first replica, and when a slot moves. And always for a user who may
//     not do SET, WAIT or INFO.
//   - In a Cluster, to notice a slot that moved away with the commit, whose new
//     master then failed over without it, and that moved back, all between the
//     commit and its round; nor a commit that was redirected to the promoted
//     replica of a master which stood still, wakes up, and gets
//     acknowledgements from replicas before it hears of its successor.
package durable
