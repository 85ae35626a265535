package upstream

import (
	"time"

	"golang.org/x/sys/unix"
)

// unacked reports whether the peer's kernel provably acknowledged nothing of
// the current request. tcpi_bytes_acked (tcp(7), since Linux 4.1) counts from
// the opening, the SYN as one byte; 0 therefore means that this kernel does
// not count, and nothing is proved.
func (c *conn) unacked() bool {
	info := c.info()
	return info != nil && info.Bytes_acked != 0 && info.Bytes_acked <= uint64(c.base)+1
}

// acked reports whether no segment waits for an acknowledgement.
func (c *conn) acked() bool {
	info := c.info()
	return info == nil || info.Unacked == 0
}

// silent reports whether segments wait for an acknowledgement and none of any
// kind has come for that long. A closed window is no silence: then nothing is
// on its way but probes, and those are answered.
func (c *conn) silent(long time.Duration) bool {
	info := c.info()
	return info != nil && info.Unacked > 0 && int64(info.Last_ack_recv) >= long.Milliseconds()
}

// info is what the kernel knows of the connection; nil if it does not say.
func (c *conn) info() (info *unix.TCPInfo) {
	if c.peek.raw == nil {
		return nil
	}
	var infoErr error
	err := c.peek.raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || infoErr != nil {
		return nil
	}
	return info
}
