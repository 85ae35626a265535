package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	firstDescriptor = 3 // SD_LISTEN_FDS_START
	maxDescriptors  = 64
)

// Listener is a socket that systemd has opened for this process.
type Listener struct {
	net.Listener
	Name string // FileDescriptorName=, else the socket unit's name
}

// Listeners returns the sockets of a socket unit, see sd_listen_fds(3): none if
// the environment has none for this process. It takes their variables out of
// the environment, so a second call returns none.
func Listeners() ([]Listener, error) {
	names, err := sockets(os.Getenv, os.Getpid())
	for _, v := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		err = errors.Join(err, os.Unsetenv(v))
	}
	if err != nil {
		return nil, err
	}
	return listenersFrom(firstDescriptor, names)
}

// sockets are the names of the descriptors, in their order.
func sockets(env func(string) string, pid int) ([]string, error) {
	if env("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.ParseUint(env("LISTEN_FDS"), 10, 31)
	if err != nil || n > maxDescriptors {
		return nil, fmt.Errorf("LISTEN_FDS is %q, allowed: 0 to %d", env("LISTEN_FDS"), maxDescriptors)
	}
	names := make([]string, n)
	given := strings.Split(env("LISTEN_FDNAMES"), ":")
	for i := range names {
		names[i] = "unknown" // as sd_listen_fds_with_names says it
		if i < len(given) && given[i] != "" {
			names[i] = given[i]
		}
	}
	return names, nil
}

func listenersFrom(first int, names []string) ([]Listener, error) {
	var all []Listener
	for i, name := range names {
		ln, err := listener(first+i, name)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, Listener{ln, name})
	}
	return all, nil
}

func listener(fd int, name string) (net.Listener, error) {
	f := fileOf(fd, name)
	if f == nil {
		return nil, fmt.Errorf("socket %q: descriptor %d is not open", name, fd)
	}
	defer f.Close() // FileListener has a copy
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("socket %q: %w", name, err)
	}
	return ln, nil
}
