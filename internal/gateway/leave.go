package gateway

// Withdraw makes the readiness probe fail and asks clients, on every answer, to
// come back on a new connection, while everything is served as before: balancers
// get time to notice before Run ends. It is the first part of the end, which
// Run would do by itself.
func (g *Gateway) Withdraw() { g.leaving.Store(true) }

// Cut ends the requests and streams in flight by force, and counts them as cut.
// It shortens the end of Run.
func (g *Gateway) Cut() int {
	cut := 0
	for _, grp := range g.groups() {
		for _, e := range grp.table.Load().entries {
			n := e.abandon()
			grp.counters.cut.Add(uint64(n))
			cut += n
		}
	}
	return cut
}

// KeyFile is where the keys of cookies are; empty if they end with the process.
func (g *Gateway) KeyFile() string {
	g.reloading.mu.Lock()
	defer g.reloading.mu.Unlock()
	return g.reloading.keyFile
}
