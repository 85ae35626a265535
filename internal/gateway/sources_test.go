package gateway

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/discover"
	"github.com/evenkeel/evenkeel/internal/target"
)

// zone is a DNS server that has one name: the addresses of its A records, or
// nothing but an error.
type zone struct {
	addr    string
	records atomic.Pointer[[]string]
}

func startZone(t *testing.T, records ...string) *zone {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{addr: pc.LocalAddr().String()}
	z.records.Store(&records)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(z.answer(buf[:n]), from)
		}
	}()
	t.Cleanup(func() {
		pc.Close()
		<-done
	})
	return z
}

// answer is SERVFAIL without records.
func (z *zone) answer(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	records := *z.records.Load()
	code, count := byte(0), uint16(len(records))
	if len(records) == 0 {
		code = 2
	}
	if question[len(question)-3] != 1 { // not A
		records, count = nil, 0
	}
	a := append([]byte{query[0], query[1], 0x84, 0x80 | code, 0, 1}, binary.BigEndian.AppendUint16(nil, count)...)
	a = append(append(a, 0, 0, 0, 0), question...)
	for _, ip := range records {
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4)
		a = append(a, net.ParseIP(ip).To4()...)
	}
	return a
}

// The targets are those of DNS; one that leaves drains, and without answers all
// stay.
func TestDiscoverDNS(t *testing.T) {
	a := app(t, "a", nil)
	_, port, _ := net.SplitHostPort(a.Address)
	number := 0
	fmt.Sscan(port, &number)
	z := startZone(t, "127.0.0.1", "127.0.0.9")
	group := shop()
	group.Discover = discover.Options{DNS: discover.DNS{Name: "shop.evenkeel.test", Port: number, Resolver: z.addr, Interval: 100 * time.Millisecond}}
	f := start(t, options(group))
	eventually(t, "both are there", func() bool { return f.ids(t, "shop") == "dns-127.0.0.1 dns-127.0.0.9" })
	z.records.Store(&[]string{"127.0.0.1"})
	eventually(t, "one has left", func() bool { return f.ids(t, "shop") == "dns-127.0.0.1" })
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	z.records.Store(&[]string{})
	eventually(t, "DNS is lost", func() bool { s := f.Stats().Config.Sources; return s[0].Lost && s[0].Errors > 2 })
	once(t, f.addr, "GET", "/", "").want(t, 200, "a")
	if s := f.status(t, "dns-127.0.0.1"); s.State != target.Healthy || s.Source != "dns" {
		t.Errorf("%+v", s)
	}
	f.call(t, "DELETE", "/v1/groups/shop/targets/dns-127.0.0.1", "").want(t, 409, "")
	z.records.Store(&[]string{"127.0.0.1", "127.0.0.8"})
	eventually(t, "DNS is back", func() bool {
		return !f.Stats().Config.Sources[0].Lost && strings.Contains(f.ids(t, "shop"), "127.0.0.8")
	})
}

// An ID that the API has taken keeps a table out until it is free.
func TestDiscoveredIDIsTaken(t *testing.T) {
	z := startZone(t)
	group := shop()
	group.Discover = discover.Options{DNS: discover.DNS{Name: "shop.evenkeel.test", Port: 1, Resolver: z.addr, Interval: 100 * time.Millisecond}}
	f := start(t, options(group))
	f.call(t, "PUT", "/v1/groups/shop/targets/dns-127.0.0.1", `{"address":"h:1"}`).want(t, 201, "")
	eventually(t, "DNS is lost", func() bool { s := f.Stats().Config.Sources; return len(s) == 1 && s[0].Lost })
	z.records.Store(&[]string{"127.0.0.1"})
	before := f.Stats().Config.Sources[0].Errors
	eventually(t, "it is refused", func() bool { return f.Stats().Config.Sources[0].Errors > before+1 })
	if s := f.status(t, "dns-127.0.0.1"); s.Source != SourceAPI || s.Address != "h:1" {
		t.Errorf("%+v", s)
	}
	f.call(t, "DELETE", "/v1/groups/shop/targets/dns-127.0.0.1?wait=10s", "").want(t, 200, "")
	eventually(t, "it is DNS's", func() bool {
		s, err := f.Gateway.status("shop", "dns-127.0.0.1")
		return err == nil && s.Source == "dns"
	})
}
