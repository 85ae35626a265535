// Package fleet runs local processes as the instances of a service that is
// drilled: started, asked for readiness, terminated, killed, paused.
//
//	f := fleet.New(fleet.Options{Now: clock.Now})
//	defer f.Close()
//	address, err := fleet.FreeAddress()
//	…
//	shop, err := f.Start(fleet.Command{Name: "shop-1", Path: exe, Args: []string{"--listen", address}})
//	…
//	ready, err := shop.WaitReady(ctx, "http://"+address+"/readyz")
//	sent, err := shop.Terminate()
//	exit, err := shop.Wait(ctx)
//
// # Guarantees
//
//   - Nothing outlives the process that made the fleet: on Linux instances get
//     SIGKILL when it ends, even by SIGKILL.
//   - After Close has returned, no instance is running and all are reaped; what
//     was left of their process groups has been killed.
//   - A moment of a signal is before the signal, the moment of an exit after it,
//     so what is blamed on them is not earlier or later than they were.
//   - A signal never reaches another process that got an instance's number: an
//     instance that has ended is not signalled.
//
// # Not guaranteed
//
//   - Processes that an instance starts in a group or session of its own are
//     its business, and so are, if this process is killed, all that it starts.
//   - Elsewhere than on Linux instances outlive a process that is killed.
package fleet
