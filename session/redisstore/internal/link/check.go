package link

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// evictionsEvery is how often a node in use is asked how many keys it evicted.
const evictionsEvery = 5 * time.Second

// check is what is known of a server's settings. Its zero value is ready.
type check struct {
	due    atomic.Int64 // Unix nanoseconds of the next look at evicted_keys
	asking flight

	mu      sync.Mutex
	warned  []string // what is wrong now, and was said
	counted bool     // whether evicted is known
	evicted int64
}

// server judges what INFO answered, or that the user may not ask for it.
func (k *check) server(n *node, text string, forbidden error) error {
	opt := n.link.opt
	i := parseInfo(text)
	if e := i.unfit(n.link.at.mode); e != nil {
		e.Node = n.name()
		return e
	}
	list := i.warnings(opt.WantAOF)
	if forbidden != nil {
		list = []string{"the user may not ask it for its settings, which are unknown therefore; grant +info"}
	} else {
		k.evictions(n, i.evicted)
	}
	k.due.Store(time.Now().Add(evictionsEvery).UnixNano())
	if len(list) > 0 && opt.StrictServer {
		return &Error{Failure: Misconfigured, Node: n.name(), Hint: "or accept it: StrictServer is set", Err: errors.New(strings.Join(list, "; "))}
	}
	for _, w := range k.unsaid(list) {
		opt.Logger.Warn("redis server is set up so that sessions can be lost", "node", n.name(), "warning", w)
		opt.Hook(Event{Kind: ServerWarning, Node: n.name(), Text: w})
	}
	return nil
}

// unsaid remembers list and returns what was not in the last one.
func (k *check) unsaid(list []string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var fresh []string
	said := strings.Join(k.warned, "\n")
	for _, w := range list {
		if !strings.Contains(said, w) {
			fresh = append(fresh, w)
		}
	}
	k.warned = list
	return fresh
}

// evictions takes the server's count. The first one is the server's past; a
// count that fell is that of a server that was restarted since.
func (k *check) evictions(n *node, now int64) {
	k.mu.Lock()
	more := now
	if !k.counted {
		more = 0
	} else if now >= k.evicted {
		more = now - k.evicted
	}
	k.counted, k.evicted = true, now
	k.mu.Unlock()
	if more == 0 {
		return
	}
	n.link.counts.evicted.Add(more)
	n.link.opt.Logger.Warn("redis server evicted keys to make room", "node", n.name(), "keys", more)
	n.link.opt.Hook(Event{Kind: Evicted, Node: n.name(), Text: "keys were evicted to make room, sessions may be among them", Count: more})
}

// evictionsDue looks at the count if it is time to. It does not wait for it.
func (k *check) evictionsDue(n *node) {
	now := time.Now()
	due := k.due.Load()
	if due == 0 || now.UnixNano() < due || !k.due.CompareAndSwap(due, now.Add(evictionsEvery).UnixNano()) {
		return
	}
	k.asking.start(n.link.spawn, func() error {
		r := n.link.plain.to(n)
		if r == nil {
			return nil
		}
		text, err := ask(n.link.life, r, writeTimeout, r.B().Info().Section("stats").Build()).ToString()
		if err == nil {
			k.evictions(n, parseInfo(text).evicted)
		}
		return err
	})
}
