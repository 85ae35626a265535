package systemd

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// sendTime bounds a datagram to a manager that does not read: its queue may be
// full.
const sendTime = 200 * time.Millisecond

// send tells the service manager the state of the service, see sd_notify(3). It
// opens the socket each time: the manager may have been replaced.
func send(path string, state []string) error {
	if path[0] != '/' && path[0] != '@' {
		return errors.New("notify the service manager: NOTIFY_SOCKET is neither a path nor an abstract name")
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // a leading @ is abstract to Go too
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer c.Close() //nolint:errcheck // a datagram has been sent or not
	if err := c.SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	if _, err := c.Write([]byte(strings.Join(state, "\n"))); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// own are the variables that systemd means for one process.
var own = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}

// Scrub takes what systemd means for this process alone out of an environment
// for a child: a child that says READY=1 or STOPPING=1 speaks for the unit.
func Scrub(environ []string) []string {
	kept := make([]string, 0, len(environ))
next:
	for _, v := range environ {
		for _, name := range own {
			if strings.HasPrefix(v, name+"=") {
				continue next
			}
		}
		kept = append(kept, v)
	}
	return kept
}
