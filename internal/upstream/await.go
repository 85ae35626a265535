package upstream

import (
	"bytes"
	"errors"
	"os"
	"time"
)

// await reads until the final head is there, within the header time-out.
func (x *exchange) await() error {
	var until time.Time
	if x.pool.opt.HeaderTimeout > 0 {
		until = time.Now().Add(x.pool.opt.HeaderTimeout)
	}
	if err := x.hear(until); err != nil {
		return x.noHead(err)
	}
	for {
		if err := x.next(); err != nil {
			return err
		}
		if x.known.answered {
			return x.c.nc.SetReadDeadline(time.Time{})
		}
		if err := x.c.nc.SetReadDeadline(until); err != nil {
			return err
		}
	}
}

// hear waits for the first byte of a head. As long as something of the request
// is not acknowledged it looks after each SilenceTimeout whether anything is.
func (x *exchange) hear(until time.Time) error {
	silence := x.pool.opt.SilenceTimeout
	for sure := silence < 0 || x.c.peek.raw == nil; ; sure = x.c.acked() {
		deadline := until
		if first := time.Now().Add(silence); !sure && (until.IsZero() || first.Before(until)) {
			deadline = first
		}
		if err := x.c.nc.SetReadDeadline(deadline); err != nil {
			return err
		}
		_, err := x.c.br.Peek(1)
		switch {
		case err == nil && deadline.Equal(until):
			return nil
		case err == nil:
			return x.hearRest(until)
		case !errors.Is(err, os.ErrDeadlineExceeded) || deadline.Equal(until):
			return err
		case x.c.silent(silence):
			return ErrSilent
		}
	}
}

// hearRest lets the rest of a head come until then, unless it is there.
func (x *exchange) hearRest(until time.Time) error {
	if p, _ := x.c.br.Peek(x.c.br.Buffered()); bytes.Contains(p, []byte("\r\n\r\n")) {
		return nil
	}
	return x.c.nc.SetReadDeadline(until)
}
