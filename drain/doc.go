// Package drain is one process's way out: serving, withdrawing, draining,
// flushing, stopped.
//
//	d, err := drain.New(drain.Options{Grace: 30 * time.Second})
//	if err != nil {
//		log.Fatal(err)
//	}
//	mux.Handle("GET /readyz", d.Ready())
//	d.Hook("store", 1, func(ctx context.Context) error { return store.Close() })
//	srv := &http.Server{Addr: ":8080", Handler: d.Handler(mux)}
//	if _, err := d.Run(context.Background(), srv); err != nil { // blocks
//		log.Fatal(err)
//	}
//
// The way out starts with a signal (SIGTERM, SIGINT), with the end of Run's
// context, with [Drainer.Drain], or when a server stops by itself. It never
// goes back.
//
//	state        readiness  listeners  answers            ends
//	Serving      200        open       as they are        with the start of the way out
//	Withdrawing  503        open       Connection: close  after Budget.Withdraw
//	Draining     503        closed     Connection: close  when nothing is in flight, or after Requests and Streams
//	Flushing     503        closed     503                when the hooks have run, or after Flush
//	Stopped                                               Run returns
//
// The first signal starts the way out, or, if that has begun by anything else,
// changes nothing: a platform sends it after its hook has called Drain. Each
// further signal ends the phase that it finds: in Withdrawing the
// listeners close at once; in Draining what is in flight is cut at once; in
// Flushing the context of the running hook ends and later hooks are left out.
// The end of the context and Drain only start the way out: they never shorten
// it.
//
// # Requests and streams
//
// A request is a stream once it has called [Stream], was hijacked (WebSocket,
// CONNECT) or has sent the header of a text/event-stream. When draining
// begins every request's [Leaving] channel is closed; those of streams one
// after another over a quarter of Budget.Streams, at most 5 s, so that their
// clients do not all reconnect in the same instant. Requests have
// Budget.Requests from the beginning of draining, streams Budget.Streams. What
// is then left is cut: its context ends with the cause [ErrCut], its writes
// fail, its connection is closed, and the [Report] names its route.
//
// A request that arrives while draining came over a connection that the client
// had before it could see the close: it is served, with Connection: close, and
// counted as late. Refusing it would fail a request that nobody was warned
// about. HTTP/1.1 brings at most one per connection, HTTP/2 those that cross
// the GOAWAY.
//
// Work that is no HTTP request is counted by [Drainer.Begin]; consumers of
// queues are a [Drainer.Worker]. WebSockets are told in their own words by
// [OnLeaving].
//
// Idle connections are closed last, when nothing is in flight: they have had
// all of withdrawing and draining to be used once more and be told to close.
// Connections that have not brought a request at all are closed 2 s after the
// listeners, or after half of Requests if that is shorter.
//
// # Guarantees
//
//   - Readiness answers 503 from the moment the way out starts, and Run closes no
//     listener before Withdraw has passed or a further signal came.
//   - The count of what is in flight is exact for everything that goes through
//     [Drainer.Handler], hijacked connections until they are closed and handlers
//     that panic included. For requests and for streams
//     InFlight + Late = Finished + Cut.
//   - A request is counted as finished or as cut, never both. Once it is cut its
//     client cannot mistake what it got for a complete answer, unless all of it
//     had been sent.
//   - No hook runs while a request that was not cut is still in its handler.
//   - Each phase ends in its time, and Run returns at the latest after
//     Budget.Needed() from the start of the way out, scheduling aside, whatever
//     handlers and hooks do.
//   - Budget.Needed() and its margin fit Options.Grace, or New fails and prints
//     the arithmetic.
//   - Run serves on all listeners or on none.
//
// # Not guaranteed
//
//   - That no client sees an error. A balancer that still sends when Withdraw is
//     over finds a closed port; connections in the kernel's accept queue at that
//     moment are reset; a client that uses an idle connection in the instant it
//     is closed must send again, as HTTP demands of it.
//   - Anything for requests that go past [Drainer.Handler]: they are waited for,
//     up to Requests, but neither counted nor told. Report.Outside is a lower
//     bound of the servers that had some left.
//   - The fate of a request whose first byte comes in the same instant in which
//     net/http shuts down: it may be read and dropped.
//   - That a handler which was cut has returned when the hooks run. It has been
//     told by its context.
//   - That a hook which ignores its context ends: it is left behind.
//   - That Run returns in its last second if a server has TLS connections whose
//     peers have stopped reading: crypto/tls may take 5 s to close each of them.
//     The margin is meant for it.
//   - Connection: close on an answer whose header was sent before withdrawing.
//   - Anything after SIGKILL, or when the machine dies.
package drain
