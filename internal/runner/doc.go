// Package runner gives any program the orderly way out of package drain, as
// its parent process.
//
//	opt, err := runner.Parse([]string{"--listen", ":8080", "--app", "127.0.0.1:8081", "--", "java", "-jar", "shop.jar"}, os.Stderr)
//	code := runner.Run(opt) // until the program has ended
//
// With Listen and App it stands in front of the program on the same host and
// counts what is in flight; the program needs nothing but a port. Without them
// it sequences readiness and signals only.
//
//	phase        probes  clients                      program
//	serving      200     served                       runs
//	withdrawing  503     served, Connection: close    knows nothing
//	draining     503     refused; in flight finishes  knows nothing
//	flushing     503     nobody is there              SIGTERM, then SIGKILL
//
// # Guarantees
//
//   - SIGTERM reaches the program when nothing is in flight any more, or when
//     what was had its time. A program that dies at once loses nobody's request.
//   - A second signal ends the phase that it finds.
//   - The program is a process group of its own; each signal goes to all of it,
//     and nothing of that group is left when Run returns.
//   - The exit code is the program's; 128+n if signal n ended it.
//   - As process 1 it reaps what others leave behind.
//   - Sockets that systemd has opened, named listen, probes or admin, are used in
//     place of own ones; a single one needs no name and is listen.
//   - Readiness is 200 only while the program takes connections.
//
// # Not guaranteed
//
//   - Anything for connections that go past Listen to the program.
//   - That a program finishes what it does after its SIGTERM within Flush.
//   - HTTP/2 towards clients: Listen speaks HTTP/1.1, as balancers do to their
//     targets.
package runner
