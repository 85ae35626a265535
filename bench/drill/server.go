package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/bench/raw"
)

// errCount is wrapped when client and server do not agree.
var errCount = errors.New("the server counted other requests than the client sent")

// server is the process that answers.
type server struct {
	*measure.Process
	addr string
}

func startServer(ctx context.Context) (*server, error) {
	p, err := measure.Self(ctx, "role", "server")
	if err != nil {
		return nil, err
	}
	s := &server{Process: p}
	if s.addr, err = p.Line(ctx); err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// serve is the role: it prints its address, and then, for every line that it is
// told, how many requests it has read.
func serve(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &raw.Server{}
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(s.Requests.Load())
		}
	}()
	fmt.Println(l.Addr())
	return s.Serve(l)
}

func (s *server) count(ctx context.Context) (int64, error) {
	if err := s.Say("count"); err != nil {
		return 0, err
	}
	line, err := s.Line(ctx)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line, 10, 64)
}

// result is what a client says about itself, as JSON on one line.
type result struct {
	Requests  int64   `json:"requests"` // all that were sent
	Shed      int64   `json:"shed"`     // were not: all lanes of the user were taken
	US        float64 `json:"us"`       // of CPU for each
	IdleBytes float64 `json:"idle_bytes"`
	Late      late    `json:"late"`
	PeakRSSMB float64 `json:"peak_rss_mb"`
}

// late is by how much later than due requests were begun, in milliseconds.
type late struct{ P50, P99, P999 float64 }

// measure runs a client in a process of its own and checks its count.
func (s *server) measure(ctx context.Context, client string, l load) (r result, err error) {
	before, err := s.count(ctx)
	if err != nil {
		return r, err
	}
	args, err := json.Marshal(l)
	if err != nil {
		return r, err
	}
	p, err := measure.Self(ctx, "role", client, s.addr, string(args))
	if err != nil {
		return r, err
	}
	defer p.Stop()
	line, err := p.Line(ctx)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		return r, fmt.Errorf("it said %q: %w", line, err)
	}
	after, err := s.count(ctx)
	if err != nil {
		return r, err
	}
	if after-before != r.Requests {
		return r, fmt.Errorf("%w: %d, not %d", errCount, after-before, r.Requests)
	}
	return r, nil
}
