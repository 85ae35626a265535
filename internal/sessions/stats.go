package sessions

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

// Counts are what a store holds.
type Counts struct {
	Sessions   int                    `json:"sessions"`
	SignedIn   int                    `json:"signed_in"`
	Principals int                    `json:"principals"`
	New        int                    `json:"unconfirmed"` // their cookie has not come back yet
	Bytes      int64                  `json:"attribute_bytes"`
	Ended      map[session.Reason]int `json:"ended"` // still remembered, by reason
}

// Stats counts all sessions and asks the servers how they are set up.
func Stats(ctx context.Context, s Store, out Output) error {
	counts := Counts{Ended: map[session.Reason]int{}}
	principals := map[string]bool{}
	err := s.Scan(ctx, func(_ session.Key, r *session.Record) error {
		counts.add(r)
		if r.Principal != "" {
			principals[r.Principal] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	counts.Principals = len(principals)
	servers, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	if out.JSON {
		return out.json(struct {
			Schema string `json:"schema"`
			Counts
			Servers []redisstore.Server `json:"servers"`
		}{Schema, counts, servers})
	}
	return out.stats(counts, servers)
}

func (c *Counts) add(r *session.Record) {
	if r.Gone != "" {
		c.Ended[r.Gone]++
		return
	}
	c.Sessions++
	c.Bytes += int64(r.Size)
	if r.Principal != "" {
		c.SignedIn++
	}
	if r.Accessed.IsZero() {
		c.New++
	}
}

func (o Output) stats(c Counts, servers []redisstore.Server) error {
	w := tabwriter.NewWriter(o.W, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "sessions\t%d\n  signed in\t%d, of %d principals\n  new\t%d, whose cookie has not come back yet\n", c.Sessions, c.SignedIn, c.Principals, c.New)
	fmt.Fprintf(w, "attributes\t%d bytes\n", c.Bytes)
	for _, reason := range []session.Reason{session.ReasonSignOut, session.ReasonRevoked, session.ReasonEvicted, session.ReasonExpired} {
		if n := c.Ended[reason]; n > 0 {
			fmt.Fprintf(w, "ended: %s\t%d, still remembered\n", reason, n)
		}
	}
	for _, s := range servers {
		fmt.Fprintf(w, "server\t%s, Redis %s, %s, %d evicted, AOF %s, %d replicas\n", s.Addr, s.Version, s.Policy, s.Evicted, onOff(s.AOF), s.Replicas)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range servers {
		for _, text := range s.Warnings {
			if _, err := fmt.Fprintf(o.W, "warning: %s: %s\n", s.Addr, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
