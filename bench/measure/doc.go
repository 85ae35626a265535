// Package measure is what the benchmarks share: processes and the CPU time
// that the operating system accounts to them, medians with their spread,
// alternated rounds, tables and JSON.
//
//	p, err := measure.Start(ctx, "haproxy", "-f", conf)
//	defer p.Stop()
//	before, err := p.CPU()
//	…
//	after, err := p.CPU()
//	perRequest := measure.Of(measure.Micros(after-before, requests), …)
//
// # Guarantees
//
//   - CPU includes the children of a process, and its ended threads.
//   - A started process, with its children, is gone when Stop has returned or
//     when this process has ended, however that happens.
//
// # Not guaranteed
//
//   - Linux is the only system it works on.
//   - CPU time of a process that ended before it was asked for.
package measure
