package upstream

import (
	"bytes"
	"errors"
	"net"
	"net/http"
)

// Hijack takes over the connection of a 101 response, with the bytes that came
// after its head. The caller owns the connection from then on: it is no longer
// counted, and the context given to Do no longer closes it.
func (r *Response) Hijack() (net.Conn, []byte, error) {
	if r.x == nil || r.x.body.framing != tunnel || r.x.body.err != nil {
		return nil, nil, errors.New("upstream: not an open 101 response")
	}
	x := r.x
	if x.unwatch != nil && !x.unwatch() {
		err := x.fail(net.ErrClosed)
		x.body.err = err
		return nil, nil, err
	}
	c := x.c
	x.c, x.body.err = nil, http.ErrHijacked
	buffered, _ := c.br.Peek(c.br.Buffered()) // cannot fail: it is there
	buffered = bytes.Clone(buffered)
	c.unborrow()
	x.pool.detach()
	return c.nc, buffered, nil
}
