package link

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// How long a connection may be silent before it is given up: with nothing
// received for keepAlive, rueidis sends a PING and waits writeTimeout for the
// answer. A peer that has vanished, or hangs, is so found out within
// 2 x keepAlive + writeTimeout = 6 s. A probe that gets no answer in time ends
// the connection sooner, see node.leave.
const (
	keepAlive    = 2 * time.Second
	writeTimeout = 2 * time.Second
)

// How often the client asks which server is which, beside being told.
const (
	sentinelRefresh = 3 * time.Second
	clusterRefresh  = 5 * time.Second
)

// buffers of one connection. rueidis's own size is half a megabyte each.
const buffers = 64 << 10

// client is one of the two rueidis clients of a link: the plain one, or the one
// that tracks. It has one connection for commands to each node, so that answers
// and invalidations of a key keep their order.
type client struct {
	link     *Link
	tracking bool
	open     conns
	made     atomic.Pointer[rueidis.Client] // nil until made

	mu   sync.Mutex // taken by those who make or close it
	shut bool
}

// rueidis is nil until make has succeeded.
func (c *client) rueidis() rueidis.Client {
	if p := c.made.Load(); p != nil {
		return *p
	}
	return nil
}

// make makes the client unless it is there. It takes as long as dialling some
// of the URL's hosts does.
func (c *client) make() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return errClosed
	}
	if c.made.Load() != nil {
		return nil
	}
	return c.renew()
}

// remake makes a client in place of one that does not know what the Sentinels
// say by now.
func (c *client) remake() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return errClosed
	}
	old := c.rueidis()
	err := c.renew()
	if err == nil && old != nil {
		old.Close()
	}
	return err
}

// renew makes a client; mu must be held.
func (c *client) renew() error {
	r, err := rueidis.NewClient(c.options())
	if err == nil && c.link.at.mode == cluster && r.Mode() != rueidis.ClientModeCluster {
		err = errNoCluster // what rueidis makes of one server that is none
	}
	if err != nil {
		if r != nil {
			r.Close()
		}
		return err
	}
	c.made.Store(&r)
	return nil
}

// close closes the client, also one that is being made.
func (c *client) close() {
	c.open.shutdown()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	if r := c.rueidis(); r != nil {
		r.Close()
	}
}

func (c *client) options() rueidis.ClientOption {
	u, opt := c.link.at, c.link.opt
	o := rueidis.ClientOption{
		InitAddress:         u.hosts,
		ForceSingleClient:   u.mode == standalone,
		SelectDB:            u.db,
		AuthCredentialsFn:   c.credentials,
		DialCtxFn:           c.dial,
		Dialer:              net.Dialer{Timeout: opt.DialTimeout, KeepAlive: keepAlive},
		ConnWriteTimeout:    writeTimeout,
		ReadBufferEachConn:  buffers,
		WriteBufferEachConn: buffers,
		BlockingPoolSize:    dedicatedLimit,
		PipelineMultiplex:   -1, // one connection to each node
		BlockingPipeline:    -1, // also for long pipelines
		DisableRetry:        true,
		DisableCache:        !c.tracking,
		ClientName:          "evenkeel",
		ClientSetInfo:       rueidis.DisableClientSetInfo, // servers before 7.2 do not know it
		ClusterOption:       rueidis.ClusterOption{ShardsRefreshInterval: clusterRefresh, MaxMovedRedirections: 8},
	}
	if u.tls {
		o.TLSConfig = opt.TLS
	}
	if u.mode == sentinel {
		o.Sentinel = rueidis.SentinelOption{
			MasterSet: u.master, TLSConfig: o.TLSConfig, Dialer: o.Dialer, TopologyRefreshInterval: sentinelRefresh,
		}
		o.Sentinel.Dialer.Resolver = toSentinels
	}
	if c.tracking {
		o.ClientTrackingOptions = []string{"NOLOOP"}
		o.CacheSizeEachConn = 1 // rueidis's own cache is not used
		o.OnInvalidations = c.invalidated
	}
	return o
}

// invalidated takes the names of changed keys; nil when a connection is lost or
// a database was emptied.
func (c *client) invalidated(names []rueidis.RedisMessage) {
	var keys []string
	for _, m := range names {
		if k, err := m.ToString(); err == nil {
			keys = append(keys, k)
		}
	}
	c.link.opt.OnInvalidate(keys)
}

// lost is told of every connection's end.
func (c *client) lost(addr string, toSentinel bool) {
	if n := c.link.nodeAt(addr); n != nil && !toSentinel {
		n.line(c).changed.Add(1)
	}
}

// master is whom the Sentinels have named to the client, "" before.
func (c *client) master() string {
	if r := c.rueidis(); r != nil {
		for addr := range r.Nodes() {
			return addr
		}
	}
	return ""
}

// to is a client for one node, or for all if there is only one; nil if rueidis
// does not know the node (yet).
func (c *client) to(n *node) rueidis.Client {
	r := c.rueidis()
	if r == nil || c.link.at.mode != cluster {
		return r
	}
	return r.Nodes()[n.name()]
}

// only is to, with an error in place of nil.
func (c *client) only(n *node) (rueidis.Client, error) {
	if r := c.to(n); r != nil {
		return r, nil
	}
	return nil, &Error{Failure: Disconnected, Node: n.name(), Err: errUnknownNode}
}

// disconnect ends the connections to a node; the next call makes a new one.
// Outside of a Cluster all are to the one node.
func (c *client) disconnect(n *node) {
	addr := ""
	if c.link.at.mode == cluster {
		addr = n.name()
	}
	for _, conn := range c.open.to(addr) {
		_ = conn.Close() // it is given up
	}
}

// ask sends one command with a time limit of its own. Its context has no
// deadline but can be cancelled, which makes rueidis read the connection all
// the time from then on, so that its end is noticed at once.
func ask(life context.Context, r rueidis.Client, limit time.Duration, cmd rueidis.Completed) rueidis.RedisResult {
	ctx, cancel := context.WithCancelCause(life)
	defer cancel(nil)
	timer := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	defer timer.Stop()
	res := r.Do(ctx, cmd)
	if res.NonRedisError() != nil && context.Cause(ctx) == context.DeadlineExceeded { //nolint:errorlint // our own cause
		return rueidis.NewErrorResult(context.DeadlineExceeded)
	}
	return res
}
