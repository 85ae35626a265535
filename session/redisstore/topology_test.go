package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/sessiontest"
)

// patient is a store that asks again until it has a verdict, as a session
// manager does within its budget: what servers say while they change hands is
// none. What it tests is that no verdict is ever wrong.
type patient struct {
	*Store
	used    func(session.Key)
	retries *atomic.Int64
}

func (p patient) again(ctx context.Context, f func(context.Context) error) error {
	for deadline := time.Now().Add(40 * time.Second); ; {
		once, cancel := context.WithTimeout(ctx, time.Second)
		err := f(once)
		cancel()
		if err == nil || verdict(err) || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		p.retries.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}

// verdict tells whether err says something of the session.
func verdict(err error) bool {
	if errors.As(err, new(session.ErrUnavailable)) {
		return false
	}
	return refused(err) || errors.Is(err, session.ErrTooMany) || errors.Is(err, session.ErrUnknown)
}

func (p patient) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (rec *session.Record, err error) {
	p.used(key)
	err = p.again(ctx, func(ctx context.Context) error {
		rec, err = p.Store.Load(ctx, key, opt)
		return err
	})
	return rec, err
}

func (p patient) Commit(ctx context.Context, key session.Key, c session.Change) (result session.Result, err error) {
	p.used(key)
	sent, first := 0, !c.Retry
	err = p.again(ctx, func(ctx context.Context) error {
		c.Retry = c.Retry || sent > 0
		sent++
		result, err = p.Store.Commit(ctx, key, c)
		return err
	})
	if first && sent > 1 {
		result.Repeated = false // the caller has sent it once
	}
	return result, err
}

func (p patient) Sessions(ctx context.Context, principal string) (list []session.Listed, err error) {
	err = p.again(ctx, func(ctx context.Context) error {
		list, err = p.Store.Sessions(ctx, principal)
		return err
	})
	return list, err
}

func (p patient) Revoke(ctx context.Context, principal string, r session.Revocation) (sum int, err error) {
	err = p.again(ctx, func(ctx context.Context) error {
		n, err := p.Store.Revoke(ctx, principal, r)
		sum += n
		return err
	})
	return sum, err
}

func (p patient) Inspect(ctx context.Context, key session.Key) (rec *session.Record, err error) {
	err = p.again(ctx, func(ctx context.Context) error {
		rec, err = p.Store.Inspect(ctx, key)
		return err
	})
	return rec, err
}

// contract runs all checks on two stores of the URL, and calls before with the
// number of each.
func contract(t *testing.T, url string, used func(session.Key), before func(check int)) (retries int64) {
	t.Helper()
	var count atomic.Int64
	var stores []*Store
	for range 2 {
		s, err := New(url, Options{Prefix: "contract:"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores = append(stores, s)
	}
	check := 0
	sessiontest.Test(t, func(*testing.T) sessiontest.Harness {
		check++
		before(check)
		return sessiontest.Harness{Store: patient{stores[0], used, &count}, Peer: patient{stores[1], used, &count}}
	})
	return count.Load()
}

// The slots of the sessions under test move from master to master all the
// time.
func TestContractOnAClusterWhileSlotsMove(t *testing.T) {
	c := redistest.StartCluster(t, 3)
	m := &mover{cluster: c, stop: make(chan struct{})}
	m.done.Go(m.run)
	contract(t, "redis-cluster://"+strings.Join(c.Addrs(), ","), m.use, func(int) {})
	close(m.stop)
	m.done.Wait()
	t.Logf("%d slots were moved while their sessions were used", m.moves)
	if m.err != nil {
		t.Error(m.err)
	}
	if m.moves < 20 {
		t.Errorf("only %d slots were moved: nothing was tested", m.moves)
	}
}

// mover moves the slot of the session that was used last.
type mover struct {
	cluster *redistest.Cluster
	stop    chan struct{}
	done    sync.WaitGroup
	last    atomic.Pointer[session.Key]
	moves   int
	err     error
}

func (m *mover) use(key session.Key) { m.last.Store(&key) }

func (m *mover) run() {
	for {
		select {
		case <-m.stop:
			return
		default:
		}
		key := m.last.Swap(nil)
		if key == nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if m.err = m.move(*key); m.err != nil {
			return
		}
		m.moves++
	}
}

func (m *mover) move(key session.Key) error {
	name, ok := keyspace("contract:").appendSession(nil, key)
	if !ok {
		return fmt.Errorf("no session key: %q", key)
	}
	slot, err := m.cluster.Slot(string(name))
	if err != nil {
		return err
	}
	from, err := m.cluster.Owner(slot)
	if err != nil {
		return err
	}
	for _, to := range m.cluster.Nodes {
		if to != from {
			return m.cluster.Move(slot, from, to)
		}
	}
	return errors.New("there is no other master")
}

// The master dies at some point of the suite, and Sentinels make a replica
// master. What the master alone had is lost then, which is no fault of the
// store's: so the replicas have caught up before it dies.
func TestContractOnSentinelDuringAFailover(t *testing.T) {
	f := redistest.StartFailover(t, 2)
	killed := false
	retries := contract(t, "redis-sentinel://"+strings.Join(f.SentinelAddrs(), ",")+"/"+f.Name, func(session.Key) {}, func(check int) {
		if check == 20 {
			f.WaitWhole(t)
			f.KillMaster()
			killed = true
		}
	})
	t.Logf("%d attempts were repeated", retries)
	if !killed || retries == 0 {
		t.Error("nobody noticed that the master was dead: nothing was tested")
	}
}
