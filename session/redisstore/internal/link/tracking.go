package link

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A server remembers who has read which key in a table of bounded size
// (tracking-table-max-keys, a million by default), from which it drops keys
// when it is full. Those that it drops while it runs a command of ours it does
// not tell us of, because of NOLOOP (seen with Redis 7.0.15). So a table that
// fills up is as bad as a lost connection.
const (
	trackingEvery = 10 * time.Second // between looks at a server's table
	trackingFull  = 500_000          // keys from which on it is not trusted
)

// tracks is an error if the server's table fills up. It asks now and then.
func (n *node) tracks(ctx context.Context, r rueidis.Client) error {
	now := time.Now().UnixNano()
	due := n.trackingDue.Load()
	if now < due || !n.trackingDue.CompareAndSwap(due, now+int64(trackingEvery)) {
		return nil
	}
	text, err := r.Do(ctx, r.B().Info().Section("stats").Build()).ToString()
	if _, refused := rueidis.IsRedisErr(err); refused {
		return nil // INFO is not to be had here
	}
	if err != nil {
		return err
	}
	if keys := trackedKeys(text); keys >= trackingFull {
		n.trackingDue.Store(0) // until it is well again
		n.link.opt.OnInvalidate(nil)
		return fmt.Errorf("%s: the server tracks %d keys for its clients: it will drop some without telling; raise tracking-table-max-keys", n.name(), keys)
	}
	return nil
}

// trackedKeys is what INFO says of the table, 0 if it says nothing.
func trackedKeys(info string) int64 {
	_, rest, _ := strings.Cut(info, "tracking_total_keys:")
	digits, _, _ := strings.Cut(rest, "\r\n")
	n, _ := strconv.ParseInt(digits, 10, 64) // absent is 0
	return n
}
