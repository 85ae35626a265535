// Package index knows which sessions a principal has, in two keys of Redis
// that share a Cluster slot: a hash with an entry for each session, and the
// epoch. The records of the sessions live in other slots and are changed only
// through [Records].
//
// A sign-in is: Register; the commit of the session, with the number that
// Register returned as session.SignIn.Epoch; Unregister if that commit was
// refused. So a session that can be used has an entry, always, and an entry
// whose session cannot be used is found out by looking at the record.
//
// Every sign-in of a principal has a number of its own, greater than all
// before. The epoch is the number from which on sign-ins are valid: to raise it
// above the last one, in one script, dooms every entry at once, whatever
// becomes of the process that did it. A single session is doomed by a mark in
// its entry. A doomed entry is removed only after its session has been
// destroyed, and Register, Sessions and Revoke first finish what others have
// left.
//
// Record.Epoch tells by which sign-in a session is the principal's, so that a
// late Destroy never hits what was signed in after it.
//
// # Guarantees
//
//   - At most SignIn.MaxSessions sessions of a principal can be used, at every
//     moment, if all its sign-ins have that bound. An entry counts from
//     Register on and until its session is known to have ended; what is doomed
//     does not count, and is destroyed before the sign-in that doomed it, or
//     found it doomed, is committed.
//   - A sign-in whose commit is still on the way can be evicted or revoked like
//     any other: a tombstone awaits it, or it finds its session gone.
//   - After Revoke of all, or of all but one, no sign-in that Register had
//     answered before is valid, be it in the index or not (as after a loss of
//     the index), except by Revocation.Except. A session that was refused before
//     is not made valid by being excepted.
//   - A crash at any step leaves nothing that the next call does not finish.
//     Register, Unregister and Revoke may be repeated.
//   - Both keys outlive every session that they are about.
//
// # Not guaranteed
//
//   - If the server that holds a victim cannot be reached, a sign-in that evicts
//     goes on without it: the session could not be used just then, but can be
//     from when its server is back until the next call for that principal. One
//     with Refuse fails instead, if the victims that are left would be too many.
//   - A sign-in that evicts and is then refused, or whose process dies, has
//     evicted all the same.
//   - If the index is lost (evicted, or by a failover), the bound counts only
//     what was signed in since. If the epoch is lost, no session ends for it, but
//     a revocation that has failed is forgotten and has to be repeated.
//   - Order of sign-ins across a clock that steps back.
//   - More than 10,000 entries of one principal are examined by no call; it
//     does what it can and returns an error.
package index
