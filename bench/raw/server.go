package raw

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// Server answers every request with as many bytes as the last segment of its
// path says: GET /200 gets 200 bytes, as does /x/200; where it is no number,
// the body is empty. The zero value is ready; it is safe for concurrent use.
type Server struct {
	// Requests that were read whole.
	Requests atomic.Int64
}

// maxBody bounds what a path may ask for.
const maxBody = 1 << 20

// Serve answers until the listener is closed. It then returns nil and leaves
// its connections to their clients.
func (s *Server) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go s.serve(c)
	}
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 4<<10)
	prepared := map[string][]byte{} // by path
	for {
		path, length, err := readRequest(r)
		if err != nil {
			return // gone, or not HTTP
		}
		if _, err := io.CopyN(io.Discard, r, length); err != nil {
			return
		}
		s.Requests.Add(1)
		answer := prepared[string(path)]
		if answer == nil {
			answer = prepare(string(path))
			prepared[string(path)] = answer
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func prepare(path string) []byte {
	n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || n < 0 || n > maxBody {
		n = 0
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", n)
	return append([]byte(head), bytes.Repeat([]byte("x"), n)...)
}

// readRequest reads a head and returns the path, without its query and valid
// until the next read, and the length of the body, which is not chunked.
func readRequest(r *bufio.Reader) (path []byte, length int64, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, 0, err
	}
	parts := bytes.SplitN(line, []byte(" "), 3)
	if len(parts) != 3 {
		return nil, 0, errors.New("not a request line")
	}
	path, _, _ = bytes.Cut(parts[1], []byte("?"))
	path = bytes.Clone(path)
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return nil, 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			return path, length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return nil, 0, err
			}
		}
	}
}
