//go:build !unix

package handover

import "net"

func unblock(net.Listener) {}
