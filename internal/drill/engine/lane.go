package engine

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	maxHead    = 64 << 10 // bytes of an answer's head
	maxInterim = 8        // 1xx answers before the real one
)

// lane is one connection of a user. It carries one exchange at a time.
type lane struct {
	conn     net.Conn
	entrance *entrance
	used     bool  // carried an exchange before
	got      int64 // bytes of the current answer that have arrived
	limit    int64 // of got; 0 none
	err      error // what ended the arrival of bytes
}

// Read counts the bytes of an answer, and bounds its head.
func (l *lane) Read(p []byte) (n int, err error) {
	if l.limit > 0 && l.got >= l.limit {
		err = errTooLarge
	} else {
		n, err = l.conn.Read(p)
	}
	l.got += int64(n)
	l.err = err
	return n, err
}

// Readers and buffers are held while an exchange is on its way, so that an
// idle user costs neither.
var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}
	buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// answer is what came back; complete says that the connection can be used on.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	truncated bool
	complete  bool
}

// send writes the request in one piece.
func (l *lane) send(req Request, cookie string) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	for _, s := range []string{req.Method, " ", l.entrance.path, req.Path, " HTTP/1.1\r\nHost: ", l.entrance.host, "\r\nUser-Agent: evenkeel-drill\r\n"} {
		buf.WriteString(s)
	}
	field := func(name, value string) {
		buf.WriteString(name)
		buf.WriteString(": ")
		buf.WriteString(value)
		buf.WriteString("\r\n")
	}
	for _, f := range req.Fields {
		field(f.Name, f.Value)
	}
	if cookie != "" {
		field("Cookie", cookie)
	}
	if !idempotent(req.Method) || len(req.Body) > 0 {
		field("Content-Length", strconv.Itoa(len(req.Body)))
	}
	buf.WriteString("\r\n")
	buf.Write(req.Body)
	_, err := l.conn.Write(buf.Bytes())
	return err
}

// receive reads one answer. arrived is called when its head has come, before
// the body. With an error the answer holds what had come until then.
func (l *lane) receive(method string, maxBody int64, arrived func(http.Header)) (answer, error) {
	r := readers.Get().(*bufio.Reader)
	r.Reset(l)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	resp, err := l.head(r, method)
	if err != nil {
		return answer{}, l.reason(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	arrived(resp.Header)
	a.body, err = readBody(resp, maxBody)
	if int64(len(a.body)) > maxBody {
		a.body, a.truncated = a.body[:maxBody], true
	}
	if err != nil {
		return a, l.reason(err)
	}
	// Bytes beyond the answer belong to nothing that was asked.
	a.complete = !a.truncated && !resp.Close && r.Buffered() == 0 && resp.StatusCode != http.StatusSwitchingProtocols
	return a, nil
}

// readBody reads a body, at most a byte more than maxBody of it; at once, if it
// is known to be short.
func readBody(resp *http.Response, maxBody int64) ([]byte, error) {
	if n := resp.ContentLength; n < 0 || n > min(maxBody, 64<<10) || resp.Request == askedForHead {
		return io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	}
	body := make([]byte, resp.ContentLength)
	n, err := io.ReadFull(resp.Body, body)
	return body[:n], err
}

// What the parser must know of a request: whether it was a HEAD, whose answers
// say how long a body would be and have none.
var (
	askedForHead = &http.Request{Method: http.MethodHead}
	askedForBody = &http.Request{Method: http.MethodGet}
)

// reason is why an answer could not be read: where the bytes ended early, that,
// and not what the parser thinks of half a line.
func (l *lane) reason(err error) error {
	if l.err != nil {
		return l.err
	}
	return err
}

// head reads the head of the final answer, past interim ones.
func (l *lane) head(r *bufio.Reader, method string) (*http.Response, error) {
	l.limit = maxHead
	defer func() { l.limit = 0 }()
	asked := askedForBody
	if method == http.MethodHead {
		asked = askedForHead
	}
	for range maxInterim {
		resp, err := http.ReadResponse(r, asked)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
		resp.Body.Close() // of an interim answer, which has none
	}
	return nil, http.ErrNotSupported
}

// past is a deadline that has been missed whatever the clock says.
var past = time.Unix(1, 0)
