// Package near is a cache of sessions in the memory of one instance, near to
// those who read them. It has no way to the server of its own: the store asks
// the server, and reports what it asked and what came of it.
//
//	lease, err := near.NewLease(0, link.Ping)
//	cache, err := near.New(lease, near.Options{KeyOf: keyOf})
//	go lease.Run(ctx)
//
//	if rec := cache.Lookup(key, opt); rec != nil {
//		return rec // CacheBounded: nobody was asked
//	}
//	f := cache.Begin(key, near.Tracked) // before the question is sent
//	defer f.Abort()
//	if rec, touch := f.Candidate(opt); rec != nil {
//		if f.Confirm(askVersion(key, touch)) == near.Current {
//			return rec // CacheValidated: the server still has this version
//		}
//	}
//
// Otherwise the store reads all of the record, under a Fill of its own, and
// gives it to [Fill.Done].
//
// # Guarantees
//
//   - A copy answers only loads whose first verifier is the current one of the
//     copy. Where a load would change more of the record than its last access
//     (it confirms the session, or lets superseded verifiers lapse) the server
//     is asked for all of it.
//   - No copy is served beyond its remaining life, measured on the local clocks
//     from just before the sending of what brought it.
//   - CacheValidated: what is served is the version that the server had when it
//     was asked.
//   - CacheBounded: what is served has every change that was made before the
//     lease's last answered ping was sent, so it is behind by less than the
//     lease; it has every own write that was acknowledged; and it is not older
//     than LoadOptions.Floor.
//   - [Cache.Stale]: what is served was the record at some time within
//     Options.ReadGrace.
//   - The memory of all copies stays within Options.Bytes, as estimated.
//
// # Not guaranteed
//
//   - CacheBounded before an own write is acknowledged: until Wrote or Forget
//     others on this instance may get the copy from before it, also if that
//     takes longer than the lease.
//   - CacheBounded if the server forgets to tell. With NOLOOP it does: when the
//     table of tracked keys is full (tracking-table-max-keys, 1,000,000 keys of
//     all clients together), each command drops some keys from it, and those
//     that a command of this connection drops are not told to it. Measured with
//     redis-server 7.0.15 and room for 10: of 190 dropped keys one was told,
//     190 without NOLOOP. Whoever pings must therefore fail, and flush, well
//     before the table is full (tracking_total_keys in INFO stats);
//     Options.Recheck bounds what happens if nobody does.
//   - That a record which is found missing was lost: another instance may have
//     given it a shorter life since the copy was made.
//
// # What the store has to do
//
//  1. Begin comes before the sending. Every own write of a session, of whatever
//     script and over whatever connection, ends in Wrote or Forget before its
//     caller is answered; Forget also if the caller stops waiting.
//  2. There is one tracked connection to each master, with TRACKING ON NOLOOP.
//     Its reader calls Invalidate itself, before it hands out anything that
//     came later. What was answered may be handled in any order.
//  3. A script that writes over the tracked connection reads the session's key
//     after its last write: the write makes the server forget, without telling
//     the writer, that this connection has read the key.
//  4. Flush comes before anything is sent over a connection that replaces
//     another.
//
// # Why a copy is not stale
//
// A copy is tracked if it was brought, or confirmed, over the tracked
// connection that is still in use. Let F be the fill that brought it, R its
// execution by the server, and W a later write of the same session. None of the
// orders in which things can happen leaves a tracked copy of what was before W,
// once W has been told of:
//
//	W by another instance, or an own one over another connection. At R the server
//	notes the key for the connection, and own writes in between leave it noted
//	(3), so W sends an invalidation I, after the answer to F in the stream.
//	    I is read before F is handled   F began before I, so I has poisoned it.
//	    F is handled before I is read   I drops the copy.
//	The answer to a ping that was sent after W is read after I (2), so that a
//	lease which runs from then on finds the copy gone. Until then the lease runs
//	from before W.
//
//	W an own write over the tracked connection. No message comes; what ends in
//	Wrote or Forget (1) does its work. F was sent before W, on one connection,
//	so it began before.
//	    Wrote comes before F is handled   it has poisoned F.
//	    F is handled before Wrote         the copy is replaced if W changed exactly
//	                                      that version, else dropped.
//	A fill that begins after Wrote or Forget is sent after W, even if nobody
//	waits for W any more, and so sees it.
//
//	The copy was made by Wrote itself, from a copy of the version that W changed.
//	    A later write by another instance whose invalidation I is read before
//	    Wrote: I has dropped the copy of the old version, or has poisoned the
//	    fill that would bring it; a fill that begins after I brings a newer one.
//	    Wrote finds no copy of exactly that version, and makes none.
//	    ... after Wrote: I drops the copy.
//	    A later own write W2: if its Wrote comes second, it replaces. If it comes
//	    first, it finds a copy that is not of W's version, and drops it; then W
//	    finds none.
//
//	The connection is lost. Its entries are of an epoch that ends with Flush, the
//	lease ends with it, and fills are poisoned. A ping that was sent before gives
//	no lease to the next epoch. Until Flush the lease only runs out: nothing is
//	sent over the next connection before (4), so nothing renews it.
//
// So there is no table of the process's own writes: no copy from before an
// acknowledged one is left, and none comes. Floors matter for what the browser
// has seen elsewhere.
//
// A fill over the plain connection makes no tracked copy, so nothing has to be
// shown of it: its copies are served where the server confirms them.
//
// The tests contain a model of the server, its tracking and the connections,
// try all orders of some 25 small stories and many of longer ones, and find
// fourteen planted faults. That a server does what the model does is tested
// with a real one.
package near
