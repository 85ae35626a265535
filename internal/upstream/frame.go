package upstream

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// frame reads the framing and the connection's fate out of the fields, and
// removes the fields that were for this hop (RFC 9112, 6.3 and 9.3; RFC 9110, 7.6.1).
func (h *head) frame() error {
	if err := h.frameBody(); err != nil {
		return err
	}
	closing, persistent := false, h.minor == 1
	elements(h.header["Connection"], func(option string) {
		switch {
		case strings.EqualFold(option, "close"):
			closing = true
		case strings.EqualFold(option, "keep-alive"):
			persistent = true
		case h.status != http.StatusSwitchingProtocols:
			delete(h.header, http.CanonicalHeaderKey(option))
		}
	})
	if persistent && !closing {
		h.keep = announced(h.header["Keep-Alive"])
	}
	if h.status == http.StatusNoContent && (h.chunked || h.length > 0) {
		h.keep = 0 // it must not announce a body (RFC 9110, 8.6), but one may follow
	}
	if h.status != http.StatusSwitchingProtocols {
		delete(h.header, "Connection")
		delete(h.header, "Upgrade")
	}
	delete(h.header, "Keep-Alive")
	delete(h.header, "Proxy-Connection")
	delete(h.header, "Te")
	return nil
}

// frameBody sets chunked and length. Contradictions are refused, not resolved:
// two parties that resolve them differently are what smuggling needs.
func (h *head) frameBody() error {
	codings, lengths := h.header["Transfer-Encoding"], h.header["Content-Length"]
	if codings == nil && lengths == nil {
		return nil
	}
	switch {
	case h.status < 200:
		return fmt.Errorf("%w: status %d with a body", ErrMalformed, h.status)
	case codings != nil && lengths != nil:
		return fmt.Errorf("%w: both Transfer-Encoding and Content-Length", ErrMalformed)
	case codings != nil && h.minor == 0:
		return fmt.Errorf("%w: Transfer-Encoding in HTTP/1.0", ErrMalformed)
	case codings != nil && (len(codings) != 1 || !strings.EqualFold(codings[0], "chunked")):
		return fmt.Errorf("%w: transfer coding %q", ErrMalformed, short(strings.Join(codings, ", ")))
	case codings != nil:
		h.chunked = true
		delete(h.header, "Transfer-Encoding")
		return nil
	}
	return h.frameLength(lengths)
}

// frameLength accepts one length, or the same one several times, and leaves one.
func (h *head) frameLength(values []string) error {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			n, err := parseLength(strings.Trim(part, " \t"))
			if err != nil || h.length >= 0 && n != h.length {
				return fmt.Errorf("%w: Content-Length %q", ErrMalformed, short(strings.Join(values, ", ")))
			}
			h.length = n
		}
	}
	if len(values) > 1 || strings.Contains(values[0], ",") {
		h.header["Content-Length"] = []string{strconv.FormatInt(h.length, 10)}
	}
	return nil
}

// parseLength is strconv without signs.
func parseLength(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// announced is for how long a connection may be kept: a second less than what
// "Keep-Alive: timeout=5" (Node's default) promises, so that we close first.
func announced(values []string) time.Duration {
	keep := time.Duration(math.MaxInt64)
	elements(values, func(e string) {
		name, value, _ := strings.Cut(e, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "timeout") {
			return
		}
		if s, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
			keep = min(keep, (time.Duration(s)-1)*time.Second)
		}
	})
	return keep
}

// bodyOf is the framing of the body that follows the head (RFC 9112, 6.3).
func (h *head) bodyOf(method string) framing {
	switch {
	case h.status == http.StatusSwitchingProtocols:
		return tunnel
	case method == http.MethodHead || h.status == http.StatusNoContent || h.status == http.StatusNotModified:
		return unframed
	case h.chunked:
		return chunked
	case h.length == 0:
		return unframed
	case h.length > 0:
		return byLength
	default:
		return untilClose
	}
}
