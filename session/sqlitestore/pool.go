package sqlitestore

import (
	"context"
	"errors"
	"sync"
)

// pool lends connections for reading. It opens them when they are first
// needed.
type pool struct {
	dial func(context.Context) (*conn, error)
	// slots holds one element per connection that may be lent; nil is one
	// that is not open.
	slots  chan *conn
	closed chan struct{}
	once   sync.Once
}

func newPool(size int, dial func(context.Context) (*conn, error)) *pool {
	p := &pool{dial: dial, slots: make(chan *conn, size), closed: make(chan struct{})}
	for range size {
		p.slots <- nil
	}
	return p
}

// take lends a connection; put must give it back.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case <-p.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case c := <-p.slots:
		if c != nil {
			return c, nil
		}
	case <-p.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.dial(ctx)
	if err != nil {
		p.slots <- nil
		return nil, err
	}
	return c, nil
}

// put takes a connection back, or closes a broken one: its error was
// reported, that of closing it tells nothing more.
func (p *pool) put(c *conn, broken bool) {
	if broken {
		_ = c.close()
		c = nil
	}
	p.slots <- c
}

// close waits for lent connections and closes all.
func (p *pool) close() error {
	var errs []error
	p.once.Do(func() {
		close(p.closed)
		for range cap(p.slots) {
			if c := <-p.slots; c != nil {
				errs = append(errs, c.close())
			}
		}
	})
	return errors.Join(errs...)
}
