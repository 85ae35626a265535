// Package probe lets a drill follow the sessions of an application: a handler
// that signs drill users in, writes and reads their sessions, and says exactly
// what is in them.
//
//	calls := probe.Calls{
//		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) { return app.User(r), nil },
//		SignIn:    app.SignIn, // func(w, r, principal string) error
//		SignOut:   app.SignOut,
//		Append:    app.Append,
//		State:     app.State,
//	}
//	if secret := os.Getenv("EVENKEEL_PROBE_SECRET"); secret != "" {
//		p, err := probe.New(secret, calls, probe.Options{Instance: hostname})
//		… mux.Handle("/probe/", app.Sessions(p))
//	}
//
// The handler must stand behind the session middleware that the rest of the
// application uses: what is not the real thing proves nothing.
//
// The calls, below Options.Prefix, parameters in the query or in a form:
//
//	POST login?u=alice       200 {}
//	POST append?k=a3&t=TOKEN 200 {}, 401 {} anonymous
//	GET  state               200 {"u":"alice","t":["TOKEN"],"n":17,"i":"instance"}, 401 {} anonymous
//	POST incr                200 {"n":18}, 401 {} anonymous
//	POST rotate              200 {}, 401 {} anonymous
//	POST logout              200 {}
//	GET  slow?ms=2000        200 {} after that time, to anyone
//	GET  stream              SSE, one event per 100 ms, 401 {} anonymous
//
// A call whose function is nil is not offered and answers 404; a parameter
// that is missing or beyond its limit 400; a function that fails 500.
//
// # Guarantees
//
//   - Nothing is answered but 404 and 403 without the secret: 404 without the
//     header, as if there were no probe, 403 with a wrong one. How long the
//     comparison takes tells nothing about the right one.
//   - Only principals that begin with "drill:" are signed in, read, changed or
//     signed out. The session of anybody else counts as anonymous, and a login
//     on top of it is refused with 403.
//   - A warning is logged whenever a probe is made: it is a login without a
//     password.
//   - No session ID, cookie, principal or token is ever logged.
//
// # Not guaranteed
//
//   - That an application behaves for drill users as it does for others: that
//     depends on Calls using the same sessions.
//   - A limit on the number of sessions or on the rate: whoever has the secret
//     may fill the store.
package probe
