package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// stale counts reads that did not show an acknowledged write from before them.
type stale struct {
	Reader string `json:"reader"`
	// Case is "own" (the writer reads) or "other" (another instance reads,
	// with the version that the browser has been told).
	Case   string `json:"case"`
	Trials int    `json:"trials"`
	Stale  int    `json:"stale"`
}

// lease is how long a copy answered over a connection whose peer has vanished.
type lease struct {
	LeaseMS   int64   `json:"lease_ms"`
	Stale     int     `json:"stale_answers"`
	LongestMS float64 `json:"longest_ms"` // from the write to the last request that did not show it
}

const staleTrials = 20_000

func staleness(ctx context.Context, addr string, trials int) (out []stale, err error) {
	here, err := openRedis(addr, "staleness")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	there, err := openRedis(addr, "staleness")
	if err != nil {
		return nil, err
	}
	defer there.Close()
	for _, m := range modes[1:] {
		for name, reader := range map[string]*redisstore.Store{"own": here, "other": there} {
			s, err := staleIn(ctx, here, reader, m, trials)
			s.Case = name
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
	}
	control, err := staleControl(ctx, addr, trials)
	if err == nil && control.Stale == 0 {
		err = errors.New("the client library's own cache showed no stale read: the harness finds nothing")
	}
	return append(out, control), err
}

func staleIn(ctx context.Context, writer, reader *redisstore.Store, m mode, trials int) (stale, error) {
	s := stale{Reader: m.name, Trials: trials}
	o, err := own(ctx, writer)
	for range trials {
		if err != nil {
			return s, err
		}
		var result session.Result
		result, err = o.commit(ctx, writer, session.Op{Kind: session.OpAdd, Name: "n", N: 1})
		if err != nil {
			return s, err
		}
		floor := int64(0)
		if reader != writer {
			floor = result.Version.N
		}
		for range 2 { // the second one finds a copy
			if err = o.load(ctx, reader, m.mode, floor); err != nil {
				return s, err
			}
			if string(o.rec.Attributes["n"]) != strconv.FormatInt(result.Values[0], 10) {
				s.Stale++
			}
		}
	}
	return s, err
}

// staleControl is rueidis's DoCache, which must fail here.
func staleControl(ctx context.Context, addr string, trials int) (stale, error) {
	s := stale{Reader: "rueidis DoCache", Case: "own", Trials: trials}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true})
	if err != nil {
		return s, err
	}
	defer c.Close()
	for i := range trials {
		value := strconv.Itoa(i)
		if err := c.Do(ctx, c.B().Hset().Key("stale").FieldValue().FieldValue("n", value).Build()).Error(); err != nil {
			return s, err
		}
		got, err := c.DoCache(ctx, c.B().Hget().Key("stale").Field("n").Cache(), time.Minute).ToString()
		if err != nil {
			return s, err
		}
		if got != value {
			s.Stale++
		}
	}
	return s, nil
}

// vanish writes while the reader's connection is dead and looks how long the
// reader goes on with what it has.
func vanish(ctx context.Context, addr string) (l lease, err error) {
	l.LeaseMS = time.Second.Milliseconds()
	p, err := startProxy(ctx, addr)
	if err != nil {
		return l, err
	}
	defer p.close()
	writer, err := openRedis(addr, "vanish")
	if err != nil {
		return l, err
	}
	defer writer.Close()
	reader, err := openRedis(p.addr, "vanish")
	if err != nil {
		return l, err
	}
	defer reader.Close()
	o, err := own(ctx, writer)
	if err != nil {
		return l, err
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := o.load(ctx, reader, session.CacheBounded, 0); err != nil {
			return l, err
		}
	}
	p.vanish()
	result, err := o.commit(ctx, writer, session.Op{Kind: session.OpAdd, Name: "n", N: 1})
	if err != nil {
		return l, err
	}
	old := result.Version
	for written := time.Now(); time.Since(written) < 3*time.Second; time.Sleep(time.Millisecond) {
		asked := time.Since(written)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		err := o.load(short, reader, session.CacheBounded, 0)
		cancel()
		if err == nil && o.rec.Version != old {
			l.Stale++
			l.LongestMS = float64(asked.Microseconds()) / 1000
		}
	}
	if l.Stale == 0 {
		return l, fmt.Errorf("no copy answered over the dead connection: nothing was shown")
	}
	return l, nil
}
