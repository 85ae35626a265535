package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// wireRequest is a request as a strict reader finds it in bytes.
type wireRequest struct {
	method, target string
	fields         []wireField // as spelled
	body           string
}

type wireField struct{ name, value string }

func (r wireRequest) values(name string) (out []string) {
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			out = append(out, f.value)
		}
	}
	return out
}

// errIncomplete is a message that ends before its framing says so.
var errIncomplete = errors.New("incomplete message")

// parseWire takes bytes apart into requests. It shares no code with what is
// tested, and knows only one way to write each thing (RFC 9112): lines end in
// CR LF, field names are tokens without space before the colon, exactly one
// Host, and either one Content-Length in plain digits or one "chunked".
func parseWire(b []byte) (out []wireRequest, err error) {
	for len(b) > 0 {
		var r wireRequest
		if r, b, err = parseOne(b); err != nil {
			return out, fmt.Errorf("request %d: %w", len(out)+1, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseOne(b []byte) (r wireRequest, rest []byte, err error) {
	line, b, err := wireLine(b)
	if err != nil {
		return r, nil, err
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" || !wireToken(parts[0]) || !strings.HasPrefix(parts[1], "/") && parts[1] != "*" {
		return r, nil, fmt.Errorf("request line %q", line)
	}
	r.method, r.target = parts[0], parts[1]
	if r.fields, b, err = wireFields(b); err != nil {
		return r, nil, err
	}
	if n := len(r.values("Host")); n != 1 {
		return r, nil, fmt.Errorf("%d Host fields", n)
	}
	length, coding := r.values("Content-Length"), r.values("Transfer-Encoding")
	switch {
	case len(length)+len(coding) > 1:
		return r, nil, fmt.Errorf("framing twice: Content-Length %q, Transfer-Encoding %q", length, coding)
	case len(coding) == 1:
		if coding[0] != "chunked" {
			return r, nil, fmt.Errorf("transfer coding %q", coding[0])
		}
		r.body, b, err = wireChunks(b)
	case len(length) == 1:
		n, perr := strconv.ParseUint(length[0], 10, 31)
		if perr != nil || strconv.FormatUint(n, 10) != length[0] {
			return r, nil, fmt.Errorf("length %q", length[0])
		}
		if uint64(len(b)) < n {
			return r, nil, errIncomplete
		}
		r.body, b = string(b[:n]), b[n:]
	}
	return r, b, err
}

func wireLine(b []byte) (string, []byte, error) {
	i := bytes.IndexByte(b, '\n')
	switch {
	case i < 0:
		return "", nil, errIncomplete
	case i == 0 || b[i-1] != '\r' || bytes.IndexByte(b[:i-1], '\r') >= 0 || bytes.IndexByte(b[:i], 0) >= 0:
		return "", nil, fmt.Errorf("line %q", b[:i+1])
	}
	return string(b[:i-1]), b[i+1:], nil
}

func wireFields(b []byte) (fields []wireField, rest []byte, err error) {
	for {
		var line string
		if line, b, err = wireLine(b); err != nil || line == "" {
			return fields, b, err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !wireToken(name) {
			return nil, nil, fmt.Errorf("field line %q", line)
		}
		for _, c := range []byte(value) {
			if c < ' ' && c != '\t' || c == 0x7f {
				return nil, nil, fmt.Errorf("field value %q", value)
			}
		}
		fields = append(fields, wireField{name, strings.Trim(value, " \t")})
	}
}

func wireChunks(b []byte) (body string, rest []byte, err error) {
	for {
		var line string
		if line, b, err = wireLine(b); err != nil {
			return "", nil, err
		}
		n, perr := strconv.ParseUint(line, 16, 31)
		if perr != nil || strings.ContainsAny(line, "+-_") {
			return "", nil, fmt.Errorf("chunk size %q", line)
		}
		if n == 0 {
			break
		}
		if uint64(len(b)) < n+2 {
			return "", nil, errIncomplete
		}
		if string(b[n:n+2]) != "\r\n" {
			return "", nil, fmt.Errorf("a chunk of %d ends in %q", n, b[n:n+2])
		}
		body, b = body+string(b[:n]), b[n+2:]
	}
	trailer, b, err := wireFields(b)
	for _, f := range trailer {
		switch strings.ToLower(f.name) {
		case "content-length", "transfer-encoding", "host", "connection", "te", "trailer", "upgrade", "authorization", "cookie", "x-forwarded-for":
			return "", nil, fmt.Errorf("trailer field %q", f.name)
		}
	}
	return body, b, err
}

func wireToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
