package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Variables that say what was inherited. Ours lists the listeners as
// name=address, in the order of their descriptors from 3 on; two pipes follow
// them, from and to the process before. The others are systemd's, see sd_listen_fds(3), which a Go program
// cannot set for a child: LISTEN_PID is known only after the fork.
const (
	ownVariable   = "EVENKEEL_HANDOVER"
	countVariable = "LISTEN_FDS"
	pidVariable   = "LISTEN_PID"
	namesVariable = "LISTEN_FDNAMES"
)

const (
	firstDescriptor = 3
	maxDescriptors  = 16
)

// What the two processes say to one another, one word a line.
const (
	wordPrepared = "prepared" // the new one: nothing is wrong with my configuration
	wordGo       = "go"       // the old one: I hold nothing any more that you need
	wordServing  = "serving"  // the new one: I accept connections
)

// Inherited is what a process has got from the one that started it. The zero
// value is nothing.
type Inherited struct {
	listeners map[string]*Listener
	before    *peer // nil: there was no process before
}

// peer is the other process of a handover.
type peer struct {
	from *bufio.Reader
	to   io.WriteCloser
	in   io.Closer
}

func newPeer(from, to *os.File) *peer {
	return &peer{from: bufio.NewReader(io.LimitReader(from, 1024)), to: to, in: from}
}

// hear waits for a word.
func (p *peer) hear(word string) error {
	line, err := p.from.ReadString('\n')
	if err != nil {
		return err
	}
	if got := strings.TrimSuffix(line, "\n"); got != word {
		return fmt.Errorf("it said %q, not %q", got, word)
	}
	return nil
}

func (p *peer) say(word string) error {
	_, err := io.WriteString(p.to, word+"\n")
	return err
}

func (p *peer) close() { p.to.Close(); p.in.Close() }

// Inherit takes what the environment says was inherited, and takes that out of
// the environment, so that children are told nothing wrong. Names that are not
// among allowed are an error; a single listener of systemd's may have any name
// and gets the first of allowed.
func Inherit(allowed ...string) (*Inherited, error) {
	sockets, ours, err := inheritedSockets(os.LookupEnv, os.Getpid(), allowed)
	for _, v := range []string{ownVariable, countVariable, pidVariable, namesVariable} {
		err = errors.Join(err, os.Unsetenv(v))
	}
	if err != nil {
		return nil, err
	}
	in := &Inherited{listeners: map[string]*Listener{}}
	for i, s := range sockets {
		ln, err := listenerOf(firstDescriptor+i, s.name)
		if err != nil {
			in.Close()
			return nil, err
		}
		in.listeners[s.name] = Wrap(ln, s.address)
	}
	if ours {
		fd := firstDescriptor + len(sockets)
		in.before = newPeer(fileOf(fd, "from the process before"), fileOf(fd+1, "to the process before"))
	}
	return in, nil
}

// socket is an inherited descriptor. Of systemd's the address is unknown.
type socket struct{ name, address string }

// inheritedSockets reads the environment, in the order of the descriptors.
func inheritedSockets(lookup func(string) (string, bool), pid int, allowed []string) (sockets []socket, ours bool, err error) {
	if list, ok := lookup(ownVariable); ok {
		for _, s := range split(list, ",") {
			name, address, _ := strings.Cut(s, "=")
			sockets = append(sockets, socket{name, address})
		}
		return sockets, true, checkSockets(sockets, allowed)
	}
	if p, _ := lookup(pidVariable); p != strconv.Itoa(pid) {
		return nil, false, nil // meant for another process, or nothing
	}
	count, _ := lookup(countVariable)
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > maxDescriptors {
		return nil, false, fmt.Errorf("%s %q, allowed: 0 to %d", countVariable, count, maxDescriptors)
	}
	list, _ := lookup(namesVariable)
	names := split(list, ":")
	if n == 1 && (len(names) == 0 || !slices.Contains(allowed, names[0])) {
		names = allowed[:1]
	}
	if len(names) != n {
		return nil, false, fmt.Errorf("%s=%d sockets, %s names %d: each needs its FileDescriptorName=, one of %s",
			countVariable, n, namesVariable, len(names), strings.Join(allowed, ", "))
	}
	for _, name := range names {
		sockets = append(sockets, socket{name: name})
	}
	return sockets, false, checkSockets(sockets, allowed)
}

func split(list, by string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, by)
}

func checkSockets(sockets []socket, allowed []string) error {
	if len(sockets) > maxDescriptors {
		return fmt.Errorf("inherited %d sockets, allowed: %d", len(sockets), maxDescriptors)
	}
	for i, s := range sockets {
		if !slices.Contains(allowed, s.name) {
			return fmt.Errorf("inherited a socket called %q, allowed: %s", s.name, strings.Join(allowed, ", "))
		}
		if slices.ContainsFunc(sockets[:i], func(o socket) bool { return o.name == s.name }) {
			return fmt.Errorf("inherited two sockets called %q, allowed: one", s.name)
		}
	}
	return nil
}

func listenerOf(fd int, name string) (net.Listener, error) {
	f := fileOf(fd, name)
	if f == nil {
		return nil, fmt.Errorf("inherited socket %q: descriptor %d is not open", name, fd)
	}
	defer f.Close() // FileListener has a copy
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("inherited socket %q: %w", name, err)
	}
	return ln, nil
}

// Take returns a listener by its name, if it was opened for this address or by
// systemd; else nil. The caller owns it.
func (in *Inherited) Take(name, address string) *Listener {
	ln := in.listeners[name]
	if ln == nil || ln.address != "" && ln.address != address {
		return nil
	}
	delete(in.listeners, name)
	return ln
}

// Close closes the listeners that nobody has taken, and tells the process
// before, if it waits, that there will be no handover.
func (in *Inherited) Close() {
	for _, ln := range in.listeners {
		_ = ln.Close() // nobody listens on it here
	}
	clear(in.listeners)
	if in.before != nil {
		in.before.close()
	}
}

// Replaces reports whether a process before waits to hand over.
func (in *Inherited) Replaces() bool { return in.before != nil }

// Prepared tells the process before that this one could run, and waits until
// it has given up what only one can hold. A process before that has died has
// given up everything.
func (in *Inherited) Prepared() error {
	if in.before == nil {
		return nil
	}
	if err := in.before.say(wordPrepared); err != nil {
		return nil //nolint:nilerr // it has died, and left us its sockets
	}
	if err := in.before.hear(wordGo); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the process before: %w", err)
	}
	return nil
}

// Serving tells the process before that this one accepts connections, and
// closes the listeners that nobody has taken.
func (in *Inherited) Serving() {
	if in.before == nil {
		return
	}
	_ = in.before.say(wordServing) // it may have died; we serve in any case
	in.before.close()
	in.before = nil
	in.Close()
}
