package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// held are idle client connections on which one request was answered.
type held struct {
	addr string
	list []net.Conn
}

// perSource is how many connections come from one address of loopback, so that
// ports suffice.
const perSource = 4000

// atOnce is how many are opened at once: the figure is what connections cost
// that wait, not that are busy.
const atOnce = 8

// hold opens n connections.
func hold(ctx context.Context, addr, path string, n int) (*held, error) {
	h := &held{addr: addr, list: make([]net.Conn, n)}
	err := h.each(func(i int) (err error) {
		d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/perSource))}}
		if h.list[i], err = d.DialContext(ctx, "tcp", addr); err != nil {
			return err
		}
		return h.ask(h.list[i], path)
	})
	if err != nil {
		h.close()
		return nil, fmt.Errorf("hold %d connections: %w", n, err)
	}
	return h, nil
}

// each calls f for all connections, some at once.
func (h *held) each(f func(int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, atOnce)
	for w := range atOnce {
		wait.Go(func() {
			for i := w; i < len(h.list) && errs[w] == nil; i += atOnce {
				errs[w] = f(i)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (h *held) ask(c net.Conn, path string) error {
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(raw.Get(h.addr, path)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := make([]byte, 1<<10)
	for err == nil {
		_, err = resp.Body.Read(b)
	}
	if resp.StatusCode != http.StatusOK || resp.Close {
		return fmt.Errorf("a held connection was answered %s, close %v", resp.Status, resp.Close)
	}
	return nil
}

// dead counts the connections on which a last request is not answered.
func (h *held) dead(path string) (n int, first error) {
	var mu sync.Mutex
	_ = h.each(func(i int) error {
		if err := h.ask(h.list[i], path); err != nil {
			mu.Lock()
			defer mu.Unlock()
			if n++; first == nil {
				first = err
			}
		}
		return nil
	})
	return n, first
}

func (h *held) close() {
	for _, c := range h.list {
		if c != nil {
			c.Close()
		}
	}
}

// allowFiles makes room for n open files, here and in processes to come.
func allowFiles(n uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	l.Cur, l.Max = max(l.Cur, n), max(l.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("%d open files are needed: %w", n, err)
	}
	return nil
}
