package upstream

import "golang.org/x/sys/unix"

// unacked reports whether the peer's kernel provably acknowledged nothing of
// the current request. tcpi_bytes_acked (tcp(7), since Linux 4.1) counts from
// the opening, the SYN as one byte; 0 therefore means that this kernel does
// not count, and nothing is proved.
func (c *conn) unacked() bool {
	if c.peek.raw == nil {
		return false
	}
	var info *unix.TCPInfo
	var infoErr error
	err := c.peek.raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || infoErr != nil || info.Bytes_acked == 0 {
		return false
	}
	return info.Bytes_acked <= uint64(c.base)+1
}
