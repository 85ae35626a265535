package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/bench/measure"
)

type redisServer struct {
	*measure.Process
	addr string
}

// startRedis starts a server on loopback that keeps nothing on disk.
func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("no redis-server on PATH: install the package redis-server")
	}
	port, err := measure.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	p, err := measure.Start(ctx, path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", dir, "--loglevel", "warning")
	if err != nil {
		return nil, err
	}
	s := &redisServer{Process: p, addr: fmt.Sprintf("127.0.0.1:%d", port)}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := p.Await(wait, s.addr); err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// counter reads the server's own counts.
type counter struct{ client rueidis.Client }

func newCounter(addr string) (counter, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, DisableRetry: true, ForceSingleClient: true,
		Dialer: net.Dialer{KeepAlive: time.Hour}, // its PINGs would be counted too
	})
	return counter{c}, err
}

func (c counter) close() { c.client.Close() }

// growth is by how much a field of INFO grows while f runs. What its own
// questions add is the same each time.
func (c counter) growth(ctx context.Context, field string, f func() error) (int64, error) {
	before, err := c.read(ctx, field)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := c.read(ctx, field)
	return after - before, err
}

func (c counter) read(ctx context.Context, field string) (int64, error) {
	text, err := c.client.Do(ctx, c.client.B().Info().Section("stats").Build()).ToString()
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(text, "\n"+field+":")
	digits, _, _ := strings.Cut(rest, "\r\n")
	if !found {
		return 0, fmt.Errorf("the server does not say %s", field)
	}
	return strconv.ParseInt(digits, 10, 64)
}

// commands is how many commands the server gets while f runs, and how many of
// these ask whether it is there (ROLE and INFO). Those of scripts are not
// counted by themselves, nor are the counter's own.
func (c counter) commands(ctx context.Context, f func() error) (all, asking int64, err error) {
	before, err := c.calls(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := f(); err != nil {
		return 0, 0, err
	}
	after, err := c.calls(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range []string{"evalsha", "eval", "hget", "get", "role", "info", "ping"} {
		n := after[name] - before[name]
		if name == "info" {
			n-- // the first question
		}
		all += n
		if name == "role" || name == "info" || name == "ping" {
			asking += n
		}
	}
	return all, asking, nil
}

// calls counts what clients have sent, by command.
func (c counter) calls(ctx context.Context) (map[string]int64, error) {
	text, err := c.client.Do(ctx, c.client.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		return nil, err
	}
	calls := map[string]int64{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		digits, _, _ := strings.Cut(rest, ",")
		if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil {
			calls[name] = n
		}
	}
	return calls, nil
}
