package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// cost is the CPU of one operation of one subject, on the application's side
// and on the server's.
type cost struct {
	Library string `json:"library"`
	// Level is "store" for a call of a client or a store, and "request" for a
	// request through a library's middleware, without a server around it.
	Level      string         `json:"level"`
	Case       string         `json:"case"`
	AppUS      float64        `json:"app_us"`
	RedisUS    float64        `json:"redis_us"`
	RatioApp   float64        `json:"ratio_app"` // to bare rueidis, medians of the ratios of each round
	RatioRedis float64        `json:"ratio_redis"`
	App        measure.Sample `json:"ratio_app_rounds"`
	Redis      measure.Sample `json:"ratio_redis_rounds"`
}

// sent is what one write of one attribute sends to the server.
type sent struct {
	Library string  `json:"library"`
	Level   string  `json:"level"`
	Case    string  `json:"case"`
	Bytes   float64 `json:"bytes"`
}

// size of a session. The first attribute is of 16 bytes and is the one that is
// read or set, the others fill the session up.
type size struct {
	name       string
	attributes int
	total      int
}

// largestSession is the number of attributes of the largest one.
const largestSession = 32

var sizes = []size{{"1k", 8, 1 << 10}, {"16k", largestSession, 16 << 10}}

// fill is the value of all attributes but the first.
func (z size) fill() int { return (z.total - 16) / (z.attributes - 1) }

const (
	span    = 400 * time.Millisecond // of one case of one subject in a round
	workers = 32                     // at once, each with a session of its own
)

// subject is something whose cost is measured.
type subject struct {
	name, level string
	// open makes the sessions of all workers, and returns a step: one
	// operation of a worker on its session.
	open func(ctx context.Context, addr string, z size, write bool) (step func(worker int) error, closing func() error, err error)
}

// subjects, the bare client first: everything is compared with it.
func subjects() []subject {
	list := []subject{bareClient}
	for _, m := range modes {
		list = append(list, subject{m.name, "store", m.store})
	}
	for _, m := range modes {
		list = append(list, subject{m.name, "request", m.requests})
	}
	return append(list, peerSubjects...)
}

// bed is a subject made ready for one case.
type bed struct {
	subject
	step       func(int) error
	closing    func() error
	app, redis []float64 // µs of each round
}

// costs measures all cases of all subjects in alternated rounds.
func costs(ctx context.Context, server *redisServer, rounds int) (out []cost, bytes []sent, err error) {
	for _, write := range []bool{false, true} {
		for _, z := range sizes {
			name := map[bool]string{false: "read-", true: "write-"}[write] + z.name
			beds, err := prepare(ctx, server.addr, z, write)
			if err == nil {
				err = alternate(ctx, server, beds, rounds)
			}
			if err == nil && name == "write-16k" {
				bytes, err = weigh(ctx, server.addr, beds, name)
			}
			for _, b := range beds {
				err = errors.Join(err, b.closing())
			}
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, b := range beds {
				out = append(out, b.cost(name, beds[0]))
			}
		}
	}
	return out, bytes, nil
}

func prepare(ctx context.Context, addr string, z size, write bool) (beds []*bed, err error) {
	for _, s := range subjects() {
		step, closing, err := s.open(ctx, addr, z, write)
		if err != nil {
			return beds, fmt.Errorf("%s, %s: %w", s.name, s.level, err)
		}
		b := &bed{subject: s, step: step, closing: closing}
		beds = append(beds, b)
		for range 50 { // connections, scripts, copies
			for w := range workers {
				if err := step(w); err != nil {
					return beds, fmt.Errorf("%s, %s: %w", s.name, s.level, err)
				}
			}
		}
	}
	return beds, nil
}

func alternate(ctx context.Context, server *redisServer, beds []*bed, rounds int) error {
	for range rounds {
		for _, b := range beds {
			if err := b.round(server); err != nil {
				return fmt.Errorf("%s, %s: %w", b.name, b.level, err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// round lets all workers step for a while.
func (b *bed) round(server *redisServer) error {
	app, err0 := measure.SelfCPU()
	redis, err1 := server.CPU()
	var n atomic.Int64
	var stop atomic.Bool
	time.AfterFunc(span, func() { stop.Store(true) })
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			mine := int64(0)
			for ; !stop.Load() && errs[w] == nil; mine++ {
				errs[w] = b.step(w)
			}
			n.Add(mine)
		})
	}
	all.Wait()
	appNow, err2 := measure.SelfCPU()
	redisNow, err3 := server.CPU()
	b.app = append(b.app, measure.Micros(appNow-app, n.Load()))
	b.redis = append(b.redis, measure.Micros(redisNow-redis, n.Load()))
	return errors.Join(append(errs, err0, err1, err2, err3)...)
}

func (b *bed) cost(name string, bare *bed) cost {
	c := cost{
		Library: b.name, Level: b.level, Case: name, AppUS: measure.Of(b.app...).Median, RedisUS: measure.Of(b.redis...).Median,
		App: measure.Ratios(b.app, bare.app), Redis: measure.Ratios(b.redis, bare.redis),
	}
	c.RatioApp, c.RatioRedis = c.App.Median, c.Redis.Median
	return c
}

// weigh counts what one step sends to the server, on average of some.
func weigh(ctx context.Context, addr string, beds []*bed, name string) (out []sent, err error) {
	c, err := newCounter(addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	const steps = 200
	idle, err := c.growth(ctx, "total_net_input_bytes", func() error { return nil })
	for _, b := range beds {
		if err != nil {
			return nil, err
		}
		var n int64
		n, err = c.growth(ctx, "total_net_input_bytes", func() error {
			for range steps {
				if err := b.step(0); err != nil {
					return err
				}
			}
			return nil
		})
		out = append(out, sent{b.name, b.level, name, float64(n-idle) / steps})
	}
	return out, err
}
