package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// Switch answers the client's request to upgrade: the target's 101 with header,
// and early, what the target said behind it. It then passes on what the client
// had sent ahead, and returns it. From there on the two connections are the
// caller's to join.
func Switch(client, target net.Conn, buffered *bufio.Reader, header http.Header, early []byte) (ahead []byte, err error) {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = header.Write(&head) // never fails: bytes.Buffer
	head.WriteString("\r\n")
	head.Write(early)
	if err := client.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if _, err := client.Write(head.Bytes()); err != nil {
		return nil, err
	}
	ahead = make([]byte, buffered.Buffered())
	if _, err := io.ReadFull(buffered, ahead); err != nil {
		return nil, err
	}
	_, err = target.Write(ahead)
	return ahead, err
}

// HalfClosed bounds how long one direction of a tunnel outlives the other.
const HalfClosed = 10 * time.Second

// Join passes bytes both ways until both directions have ended, and returns how
// many went to the client.
func Join(client, target net.Conn) int64 {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(target, client)
	}()
	n := pass(client, target)
	<-done
	return n
}

// pass copies one direction. At its end the other side is told; the opposite
// direction then has HalfClosed to end, and after an error none at all.
func pass(to, from net.Conn) int64 {
	n, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		soon := time.Now().Add(HalfClosed)
		if errors.Join(to.SetDeadline(soon), from.SetDeadline(soon)) == nil {
			return n
		}
	}
	to.Close()
	from.Close()
	return n
}
