package upstream

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// framing is how the end of a body is known.
type framing uint8

const (
	unframed   framing = iota // there is none
	byLength                  // Content-Length
	chunked                   // Transfer-Encoding: chunked
	untilClose                // a response's last resort
	tunnel                    // after a 101: not HTTP any more
)

// outgoing is a request as it is written.
type outgoing struct {
	*Request
	framing  framing
	trailers bool // TE: trailers
	expects  bool // Expect: 100-continue, and there is a body to wait with
}

func (r *Request) check() (framing, error) {
	switch {
	case !isToken(r.Method) || r.Method == http.MethodConnect:
		return unframed, fmt.Errorf("%w: method %q", ErrRequest, r.Method)
	case !isTarget(r.Method, r.Target):
		return unframed, fmt.Errorf("%w: request target %q", ErrRequest, r.Target)
	case !consistsOf(r.Host, &hostByte):
		return unframed, fmt.Errorf("%w: host %q", ErrRequest, r.Host)
	case r.Upgrade != "" && !isFieldValue(r.Upgrade):
		return unframed, fmt.Errorf("%w: upgrade %q", ErrRequest, r.Upgrade)
	case r.ContentLength < -1 || r.ContentLength > 0 && r.Body == nil:
		return unframed, fmt.Errorf("%w: content length %d does not fit the body", ErrRequest, r.ContentLength)
	case r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0:
		if r.ContentLength > 0 {
			return unframed, fmt.Errorf("%w: content length %d without a body", ErrRequest, r.ContentLength)
		}
		return unframed, nil
	case r.ContentLength < 0:
		return chunked, nil
	default:
		return byLength, nil
	}
}

// appendHead appends the whole head to b, or says why it cannot be sent.
func (o *outgoing) appendHead(b []byte, addr string) ([]byte, error) {
	var err error
	if o.framing, err = o.check(); err != nil {
		return b, err
	}
	host := o.Host
	if host == "" {
		host = addr
	}
	b = append(append(b, o.Method...), ' ')
	b = append(append(b, o.Target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\n"...)
	if b, err = o.appendFields(b); err != nil {
		return b, err
	}
	b = o.appendConnection(b)
	switch {
	case o.framing == chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case o.framing == byLength:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, o.ContentLength, 10), "\r\n"...)
	case o.Method == http.MethodPost || o.Method == http.MethodPut || o.Method == http.MethodPatch:
		b = append(b, "Content-Length: 0\r\n"...) // RFC 9110, 8.6: where a body is usual
	}
	return append(b, "\r\n"...), nil
}

func (o *outgoing) appendFields(b []byte) ([]byte, error) {
	for name, values := range o.Header {
		switch {
		case engineOwned(name):
			continue
		case len(name) == 2 && strings.EqualFold(name, "TE"):
			elements(values, func(e string) { o.trailers = o.trailers || strings.EqualFold(e, "trailers") })
			continue
		case len(name) == 6 && strings.EqualFold(name, "Expect"):
			if o.framing == unframed {
				continue
			}
			elements(values, func(e string) { o.expects = o.expects || strings.EqualFold(e, "100-continue") })
		}
		var err error
		if b, err = appendField(b, name, values); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (o *outgoing) appendConnection(b []byte) []byte {
	if o.Upgrade != "" {
		b = append(append(b, "Upgrade: "...), o.Upgrade...)
		b = append(b, "\r\nConnection: Upgrade\r\n"...)
	}
	if o.trailers { // RFC 9110, 10.1.4: TE is named in Connection
		b = append(b, "TE: trailers\r\nConnection: TE\r\n"...)
	}
	return b
}

func appendField(b []byte, name string, values []string) ([]byte, error) {
	if !isToken(name) {
		return b, fmt.Errorf("%w: field name %q", ErrRequest, name)
	}
	for _, v := range values {
		if !isFieldValue(v) {
			return b, fmt.Errorf("%w: value of field %s holds a control character", ErrRequest, name)
		}
		b = append(append(b, name...), ": "...)
		b = append(append(b, v...), "\r\n"...)
	}
	return b, nil
}

// appendTrailer appends the fields after the last chunk.
func appendTrailer(b []byte, h http.Header) ([]byte, error) {
	for name, values := range h {
		if engineOwned(name) || strings.EqualFold(name, "TE") || strings.EqualFold(name, "Trailer") {
			continue
		}
		var err error
		if b, err = appendField(b, name, values); err != nil {
			return b, err
		}
	}
	return b, nil
}
