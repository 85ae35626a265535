package engine

import (
	"net"
	"net/netip"
	"runtime"
)

// portsPerSource is how many connections are made for each loopback address
// that they come from. Linux has 28,232 ports for an address
// (ip_local_port_range). To one target, a net.Dialer took 27 to 33 µs of CPU for
// a connection while up to 14,000 from the same address were held open, and
// 630 to 690 with 16,000 and more: once every second port is taken, connect(2)
// tries them all before it takes another. (On 2 cores of an AMD EPYC, each 2,000
// connections the process's user and system time.)
const portsPerSource = 4_000

// maxLoopback is the last of the loopback sources: 127.0.0.250.
const maxLoopback = 250

// Elsewhere 127.0.0.2 and on have to be set up first.
const loopbackSources = runtime.GOOS == "linux"

// source is where the next connection comes from; false: the system may
// choose. Listed addresses are taken in turn, those of the target's family
// only; so are loopback ones, of which there are more the more connections
// have been made.
func source(listed []netip.Addr, address string, dialled uint64) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return netip.Addr{}, false
	}
	target, err := netip.ParseAddr(host) // fails for a name, which may be of either family
	if len(listed) > 0 {
		for i := range uint64(len(listed)) {
			a := listed[(dialled+i)%uint64(len(listed))]
			if err != nil || a.Unmap().Is4() == target.Unmap().Is4() {
				return a, true
			}
		}
		return netip.Addr{}, false
	}
	n := dialled%min(dialled/portsPerSource+1, maxLoopback) + 1
	if err != nil || !loopbackSources || !target.Unmap().Is4() || !target.IsLoopback() || n == 1 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(n)}), true
}
