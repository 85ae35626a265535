// Package session keeps users signed in while instances come and go.
//
// Sessions live in a [Store] that every instance of a service reaches; the
// browser holds a cookie that only opens one.
//
//	var cart = session.NewList[string]("cart")
//
//	sessions, err := session.New(store, session.Options{Attributes: []session.Named{cart}})
//	http.ListenAndServe(":8080", sessions.Handler(mux))
//
//	func add(w http.ResponseWriter, r *http.Request) {
//		s := session.From(r.Context())
//		if err := cart.Append(s, r.FormValue("item")); err != nil {
//			session.Error(w, r, err)
//			return
//		}
//		fmt.Fprintln(w, "in the cart of", s.Principal())
//	}
//
// What a handler changes is staged, and committed in one round trip before the
// first byte of its response leaves; [Attribute.Update] and [Counter.Add] write
// at once. Nothing is read until something asks, and nobody has a session, or
// a cookie, until something is stored.
//
// A store may have the abilities [Principals] and [Inspector]: then a manager
// lists a user's sessions, ends them, bounds how many there are and exports
// what they hold.
//
// # Guarantees
//
//   - Existence: a session that was not ended, was active within the idle
//     timeout and is before its absolute limit is there, on every instance,
//     unless the store itself lost it. What is noticed of that is counted, see
//     [Loss].
//   - Read your writes: what a response acknowledged, every later request of
//     that browser sees, on every instance. With [CacheBounded] that holds for
//     requests that follow one another, and for what was committed before the
//     first byte; a client that keeps the session in a header must keep the
//     version, too.
//   - No lost update: concurrent writes to distinct attributes all survive, as
//     do concurrent Update, Add, Append and Remove on one attribute. Of two
//     Sets of one attribute the last one wins.
//   - At most once: no retry applies a change twice. A write that was answered
//     with a 5xx has happened or never will, within Options.Budget and half a
//     second.
//   - Renewal is atomic: requests of the same page, loaded or still on the
//     way, lose nothing for [RenewalGrace], bring no old cookie back and do not
//     change the browser's. After a sign-in the old cookie opens nothing, and
//     older requests cannot touch what the sign-in set, nor what is
//     [Privileged].
//   - Logout is final: nothing that is in flight or repeated brings the session
//     back, nor one that was revoked or evicted. Streams learn of it within
//     Options.Recheck, see [Session.Done]. With [CacheBounded], requests of other
//     browsers and parallel ones may see it for as long as the store documents.
//   - Isolation: a sign-in as another principal starts another session, and no
//     attribute crosses. Responses that set a cookie are not cached, those that
//     read the session vary by it. Where two session cookies arrive, which only
//     somebody who plants one can bring about, neither is used.
//   - Unknown is not absent: a store that cannot be reached, or a record of an
//     unknown format, never looks like "no session". Nothing is deleted,
//     started or re-keyed because of an error; the answer is a 503, also where
//     a handler asks for the principal or changes something and does not look
//     at errors. Requests that ask nothing of their session, or have no cookie,
//     are served.
//   - No response claims what was not stored: a failed commit replaces it.
//   - A store that says that its server is down ([ErrUnavailable]) is not waited
//     for: the answer is a 503 at once, and nothing was written.
//
// # Not guaranteed
//
//   - Order between browsers, beyond that the commits of one session are one
//     after the other.
//   - Acknowledged writes and logouts across a failover that loses them, a
//     restart from a snapshot, or on the cut-off side of a partition: a store
//     is as durable as it is set up to be.
//   - Protection against cross-site requests: SameSite=Lax is not enough. Use
//     [http.CrossOriginProtection].
//   - That a request counts as active which asks nothing of its session, or
//     that a stream keeps its session alive.
//   - That a stream can write for ever: ten seconds after the session has been
//     renewed (see Options.RenewEvery) its commits are refused with
//     ErrSuperseded, and it must be opened anew under the new cookie.
//   - Vary and Set-Cookie for a session that is first asked for after the
//     response's first byte.
//   - That [Options].OnLoss tells of every loss, or of real ones only.
//   - Undoing what a handler staged if something inside of [Manager.Handler]
//     recovers its panic.
package session
