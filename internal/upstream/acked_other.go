//go:build !linux

package upstream

import "time"

// This system does not tell what was acknowledged.
func (c *conn) unacked() bool             { return false }
func (c *conn) acked() bool               { return true }
func (c *conn) silent(time.Duration) bool { return false }
