package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

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
