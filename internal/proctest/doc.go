// Package proctest runs real processes in tests.
//
//	p := proctest.Start(t, exec.Command("redis-server", "--port", "0"))
//	p.WaitLine(10*time.Second, `Ready to accept`)
//	p.Signal(syscall.SIGTERM)
//	if code := p.Wait(10 * time.Second); code != 0 { … }
//
// Guarantees:
//   - A started process is gone when its test has ended, with everything in its
//     process group.
//   - It is gone, too, when the test binary is killed: the kernel sends it
//     SIGKILL (Linux's parent-death signal; elsewhere nothing does).
//   - It is not killed before: the parent-death signal is tied to the operating
//     system's thread that forked, and that thread is kept while the process
//     lives.
//   - Waiting for a line misses none, however much the process prints; what is
//     kept of the output is bounded, and is logged if the test fails.
//   - A thing that EVENKEEL_REQUIRE names is never skipped over; see [Require].
//
// Not guaranteed: anything about grandchildren that left the process group, and
// that a port from [FreePort] is still free when it is used.
//
// Methods that take a time limit end the test when it has passed
// (testing.TB.Fatal), so they belong in the goroutine of the test.
package proctest
