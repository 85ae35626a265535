package drain

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// freshMost is how long after the listeners have closed a connection may still
// bring its first request. net/http waits 5 s, which would hold up each way out
// that has a browser's spare connection in it, and drops a request that comes
// in that time, since Shutdown has been called by then.
const freshMost = 2 * time.Second

// fresh are the connections that have not brought a request yet.
type fresh struct {
	count atomic.Int64 // of conns; spares most requests the lock
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// watch learns of srv's connections, in front of its own ConnState.
func (f *fresh) watch(srv *http.Server) {
	before := srv.ConnState
	srv.ConnState = func(c net.Conn, s http.ConnState) {
		f.note(c, s)
		if before != nil {
			before(c, s)
		}
	}
}

func (f *fresh) note(c net.Conn, s http.ConnState) {
	if s != http.StateNew && f.count.Load() == 0 {
		return // c was counted before it could have any other state
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s == http.StateNew {
		f.conns[c] = struct{}{}
	} else {
		delete(f.conns, c)
	}
	f.count.Store(int64(len(f.conns)))
}

// none tells whether every connection has brought a request.
func (f *fresh) none() bool { return f.count.Load() == 0 }

// close closes them: nobody has asked anything on them.
func (f *fresh) close() {
	f.mu.Lock()
	conns := slices.Collect(maps.Keys(f.conns))
	f.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}
