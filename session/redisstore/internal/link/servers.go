package link

import (
	"context"

	"github.com/redis/rueidis"
)

// Server is what a server says of itself.
type Server struct {
	Addr     string   `json:"addr"`
	Version  string   `json:"version"`
	Mode     string   `json:"mode"` // standalone or cluster
	Policy   string   `json:"maxmemory_policy"`
	Evicted  int64    `json:"evicted_keys"` // since it was started
	Memory   int64    `json:"used_memory"`  // bytes
	AOF      bool     `json:"aof"`
	Replicas int64    `json:"replicas"`
	Warnings []string `json:"warnings,omitempty"` // of what loses sessions
}

// Servers asks every master for its settings.
func (l *Link) Servers(ctx context.Context) ([]Server, error) {
	masters, err := l.topology.masters(ctx)
	if err != nil {
		return nil, err
	}
	var list []Server
	for _, n := range masters {
		err := l.visit(ctx, n, func(ctx context.Context, c rueidis.Client) error {
			text, err := c.Do(ctx, c.B().Info().Build()).ToString()
			if err == nil {
				list = append(list, parseInfo(text).server(n.name(), l.opt.WantAOF))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (i info) server(addr string, wantAOF bool) Server {
	return Server{
		Addr: addr, Version: i.version, Mode: i.mode, Policy: i.policy, Evicted: i.evicted,
		Memory: i.memory, AOF: i.aof == "1", Replicas: i.replicas, Warnings: i.warnings(wantAOF),
	}
}
