//go:build !linux

package gateway

import (
	"net"
	"time"
)

// stallByKernel is false where writes have deadlines instead.
const stallByKernel = false

func boundStall(*net.TCPConn, time.Duration) {}
