// Package host holds what the platforms have in common: the load that they are
// told, a client for endpoints that may hang or lie, and a voice that does not
// repeat itself.
//
//	tr := host.NewTrouble(log, "ecs agent", time.Second, time.Minute)
//	for l := range host.Sample(ctx, time.Second, load) {
//		if tr.Ready(time.Now()) {
//			tr.Note(time.Now(), tell(ctx, l))
//		}
//	}
//	err := host.Release(ctx, func(ctx context.Context) error { return untell(ctx) })
//
// # Guarantees
//
//   - No call outlives its context; answers are read up to a limit.
//   - Redirects are not followed and no proxy is used: what is sent to an
//     endpoint of the platform, tokens above all, goes nowhere else.
//   - An endpoint that fails is logged when it begins to fail, when it fails
//     differently and when it works again, not at each attempt.
//
// # Not guaranteed
//
//   - That the goroutine of Sample ends if the load function hangs. It holds
//     nobody up.
package host
