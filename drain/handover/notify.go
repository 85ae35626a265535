package handover

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

// Notify tells the service manager the state of the service, such as READY=1;
// see sd_notify(3). Without NOTIFY_SOCKET it does nothing.
func Notify(state ...string) error {
	path := os.Getenv("NOTIFY_SOCKET") // an @ in front is an abstract address, to Go as to systemd
	if path == "" {
		return nil
	}
	c, err := new(net.Dialer).DialContext(context.Background(), "unixgram", path) // does not wait: datagrams
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(state, "\n"))); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// Reloading is the state for Notify at the beginning of a reload; READY=1 ends
// it. systemd wants to know when it began, by the monotonic clock.
func Reloading() []string {
	return append([]string{"RELOADING=1"}, monotonic()...)
}
