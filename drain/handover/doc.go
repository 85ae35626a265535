// Package handover gives the listening sockets of a process to the one that
// replaces it, so that nobody is refused while a program is upgraded.
//
//	in, err := handover.Inherit("traffic") // from systemd, or from the process before
//	ln := in.Take("traffic", ":8080")      // nil: listen yourself, then Wrap
//	err = in.Prepared()                    // the configuration is good
//	go serve(ln)
//	<-ln.Accepting()
//	in.Serving()                           // the process before stops to accept
//	…
//	pid, err := handover.Upgrade{Listeners: all}.Run(ctx) // and in time gives them on
//	…                                      // err is nil: serve what is connected, then end
//
// With package drain, what follows is the way out: ln.Stop stops to accept, and
// d.Drain() serves what is connected for Budget.Withdraw, asking each to close.
//
// # Guarantees
//
//   - The listening socket is the same before and after: what waits in its
//     queue is accepted by one of the two processes.
//   - The old process stops to accept only after the new one has begun to.
//   - A new process that refuses its configuration, ends, or is not ready in
//     time changes nothing for the old one.
//   - A Listener that has stopped closes no connection.
//
// # Not guaranteed
//
//   - Connections are not handed over: who holds them must serve them to their
//     end.
//   - A process that is the first of its container cannot be replaced: the
//     container ends with it.
package handover
