// Package bench is where evenkeel is measured against its peers, side by side,
// in alternated rounds of one run:
//
//	make bench-session   # lost updates, and CPU of a session's reads and writes
//	make bench-gateway   # CPU per request of proxies, and what a scale-in costs
//	make bench-drill     # CPU per request and memory per user of load clients
//
// Each prints a table and writes JSON into bench/out. The programs run on
// Linux: CPU is what the operating system accounts to each process.
//
// # Guarantees
//
//   - Each program begins with its controls: something that must be found
//     faultless, and something with a planted fault that must be found. If
//     either is not so, there are no figures.
//   - Figures are medians of rounds, with the smallest and the largest. No
//     figure is a condition: nothing passes or fails by being slow.
//   - Peers are wired as their own documents show.
//
// # Not guaranteed
//
//   - That absolute times of two runs compare. Ratios are taken within one round.
package bench
