package discover

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/target"
)

func lookup(t *testing.T, s *server, o DNS) ([]target.Target, error) {
	t.Helper()
	o.Name, o.Resolver = "shop.evenkeel.test", s.addr
	src, err := New(Options{DNS: o}, anything)
	if err != nil {
		t.Fatal(err)
	}
	return src.(*dns).look(t.Context())
}

func TestDNSAddresses(t *testing.T) {
	s := startServer(t)
	s.set(map[uint16][][]byte{typeA: addresses("10.0.0.2", "10.0.0.1", "10.0.0.2"), typeAAAA: addresses("fd00::1")}, nil)
	got, err := lookup(t, s, DNS{Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	want := []target.Target{
		{ID: "dns-10.0.0.1", Address: "10.0.0.1:80", Source: "dns"},
		{ID: "dns-10.0.0.2", Address: "10.0.0.2:80", Source: "dns"},
		{ID: "dns-fd00::1", Address: "[fd00::1]:80", Source: "dns"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDNSServices(t *testing.T) {
	s := startServer(t)
	s.set(map[uint16][][]byte{typeSRV: {
		service(20, 9, 99, "spare.evenkeel.test"), service(10, 1000, 8001, "b.evenkeel.test"),
		service(10, 0, 8001, "a.evenkeel.test"), service(10, 500, 8002, "a.evenkeel.test"),
	}}, nil)
	got, err := lookup(t, s, DNS{Type: TypeSRV})
	if err != nil {
		t.Fatal(err)
	}
	want := []target.Target{
		{ID: "a.evenkeel.test:8001", Address: "a.evenkeel.test:8001", Weight: 1, Source: "dns"},
		{ID: "a.evenkeel.test:8002", Address: "a.evenkeel.test:8002", Weight: 128, Source: "dns"},
		{ID: "b.evenkeel.test:8001", Address: "b.evenkeel.test:8001", Weight: 256, Source: "dns"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A table that does not fit into a datagram comes over TCP, and is whole.
func TestDNSLargeAnswer(t *testing.T) {
	s := startServer(t)
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprintf("10.0.1.%d", i))
	}
	s.set(map[uint16][][]byte{typeA: addresses(list...)}, nil)
	got, err := lookup(t, s, DNS{Port: 80})
	if err != nil || len(got) != 200 || s.count("tcp") == 0 {
		t.Errorf("%d targets, %v, %d questions over TCP", len(got), err, s.count("tcp"))
	}
}

// None of these is a table; least of all an empty one.
func TestDNSLost(t *testing.T) {
	one := map[uint16][][]byte{typeA: addresses("10.0.0.1")}
	for name, tc := range map[string]struct {
		records map[uint16][][]byte
		code    map[uint16]byte
		silent  bool
		want    string
	}{
		"nxdomain":                 {nil, map[uint16]byte{typeA: nxDomain, typeAAAA: nxDomain}, false, "no record"},
		"no data":                  {nil, nil, false, "no record"},
		"servfail":                 {nil, map[uint16]byte{typeA: servFail, typeAAAA: servFail}, false, "server misbehaving"},
		"refused":                  {nil, map[uint16]byte{typeA: refused, typeAAAA: refused}, false, ""},
		"half: AAAA fails":         {one, map[uint16]byte{typeAAAA: servFail}, false, "server misbehaving"},
		"silence":                  {nil, nil, true, "timeout"},
		"a record of wrong length": {map[uint16][][]byte{typeA: {{10, 0, 1}}}, nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			s.set(tc.records, tc.code)
			if tc.silent {
				s.fallSilent()
			}
			got, err := lookup(t, s, DNS{Port: 80, Timeout: 300 * time.Millisecond})
			if err == nil || got != nil || !strings.HasPrefix(err.Error(), "dns shop.evenkeel.test: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// The source goes on after it was lost, and never tells less than it knows.
func TestDNSRun(t *testing.T) {
	s := startServer(t)
	s.set(map[uint16][][]byte{typeA: addresses("10.0.0.1", "10.0.0.2")}, nil)
	src, err := New(Options{DNS: DNS{Name: "shop.evenkeel.test", Port: 80, Resolver: s.addr, Interval: 100 * time.Millisecond, Timeout: 200 * time.Millisecond}}, anything)
	if err != nil {
		t.Fatal(err)
	}
	c := follow(t, src)
	await(t, c, "two targets", func(is told) bool { return ids(is.targets) == "dns-10.0.0.1 dns-10.0.0.2" })
	s.fallSilent()
	await(t, c, "lost", func(is told) bool { return is.err != nil && is.targets == nil })
	s.set(map[uint16][][]byte{typeA: addresses("10.0.0.3")}, nil)
	await(t, c, "found again", func(is told) bool { return ids(is.targets) == "dns-10.0.0.3" })
	s.set(nil, map[uint16]byte{typeA: nxDomain, typeAAAA: nxDomain})
	await(t, c, "gone", func(is told) bool { return is.err != nil && is.targets == nil })
}

func TestOptions(t *testing.T) {
	for _, o := range []DNS{
		{Port: 80}, {Name: "x"}, {Name: "x", Port: 70000}, {Name: "x:80", Port: 80}, {Name: "a b", Port: 80}, {Name: strings.Repeat("x", 300), Port: 80},
		{Name: "x", Port: 80, Type: TypeSRV}, {Name: "x", Port: 80, Interval: time.Millisecond}, {Name: "x", Port: 80, Interval: -1},
		{Name: "x", Port: 80, Timeout: -1}, {Name: "x", Port: 80, Resolver: "10.0.0.1"},
	} {
		if _, err := New(Options{DNS: o}, anything); err == nil || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	for _, o := range []Options{{}, {File: "x", DNS: DNS{Name: "x", Port: 1}}} {
		if _, err := New(o, anything); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if (Options{}).Enabled() || !(Options{File: "x"}).Enabled() {
		t.Error("Enabled is wrong")
	}
	var typ RecordType
	if typ.UnmarshalText([]byte("srv")) != nil || typ != TypeSRV || typ.UnmarshalText([]byte("SRV")) == nil || typ.String() != "srv" || len(typ.Allowed()) != 2 {
		t.Error("the types' words are wrong")
	}
}

// What the gateway cannot use is no table either.
func TestDNSRefusedTargets(t *testing.T) {
	s := startServer(t)
	s.set(map[uint16][][]byte{typeA: addresses("10.0.0.1")}, nil)
	d := newDNS(DNS{Name: "shop.evenkeel.test", Port: 80, Resolver: s.addr}, refuseAll)
	if got, err := d.look(t.Context()); err == nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDNSServerIsNotThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	d := newDNS(DNS{Name: "shop.evenkeel.test", Port: 80, Resolver: ln.Addr().String(), Timeout: time.Second}, anything)
	if got, err := d.look(t.Context()); err == nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
