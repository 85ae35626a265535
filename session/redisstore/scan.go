package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// scanCount is how many keys a server looks at for one step of a scan.
const scanCount = 500

// Scan calls f with every session of the store, as Inspect returns them, and
// with tombstones. It stops at an error, which it returns. Sessions that begin
// or end meanwhile may be left out. No server is blocked by it.
func (s *Store) Scan(ctx context.Context, f func(session.Key, *session.Record) error) error {
	seen := map[session.Key]bool{} // servers may name a key twice
	return s.link.Each(ctx, func(ctx context.Context, c rueidis.Client) error {
		for cursor := uint64(0); ; {
			page, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Match(s.keys.pattern()).Count(scanCount).Build()).AsScanEntry()
			if err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			for _, name := range page.Elements {
				key, ok := s.keys.sessionOf(name)
				if !ok || seen[key] {
					continue
				}
				seen[key] = true
				if err := s.visit(ctx, key, f); err != nil {
					return err
				}
			}
			if cursor = page.Cursor; cursor == 0 {
				return nil
			}
		}
	})
}

func (s *Store) visit(ctx context.Context, key session.Key, f func(session.Key, *session.Record) error) error {
	rec, err := s.Inspect(ctx, key)
	if errors.Is(err, session.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f(key, rec)
}

// pattern matches the keys of all sessions.
func (k keyspace) pattern() string {
	return "{" + globs.Replace(string(k)) + "[0-9a-f][0-9a-f][0-9a-f]}s:*"
}

// globs escapes what means something in a pattern.
var globs = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)
