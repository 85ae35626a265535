package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// rawTarget answers on loopback with the same bytes whatever is sent, at the
// least cost: what remains is the engine's.
func rawTarget(b *testing.B, body int) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: raw\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"+
		"Set-Cookie: id=0123456789abcdef; Path=/; HttpOnly\r\n\r\n%s", body, strings.Repeat("x", body)))
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				buf := make([]byte, 4096)
				for {
					if _, err := nc.Read(buf); err != nil {
						return
					}
					if _, err := nc.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

var benchHeader = http.Header{
	"Accept": {"*/*"}, "User-Agent": {"bench/1.0"}, "Accept-Encoding": {"gzip"}, "Cookie": {"id=0123456789abcdef"},
	"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"http"},
}

func BenchmarkPool(b *testing.B) {
	for _, size := range []int{200, 64 << 10} {
		addr := rawTarget(b, size)
		b.Run(fmt.Sprintf("engine/%d", size), func(b *testing.B) {
			p := NewPool(addr, Options{})
			defer p.Close()
			ctx, cancel := context.WithCancel(context.Background()) // as a server's request context is
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				resp, err := p.Do(ctx, &Request{Method: "GET", Target: "/", Host: "shop.example", Header: benchHeader})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
		b.Run(fmt.Sprintf("transport/%d", size), func(b *testing.B) { // the yardstick
			tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
			defer tr.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), "GET", "http://"+addr+"/", nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header = benchHeader
				resp, err := tr.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
