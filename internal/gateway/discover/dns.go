package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// RecordType is which records name the targets.
type RecordType uint8

// The types.
const (
	TypeA   RecordType = iota // A and AAAA: addresses, with the port of the options
	TypeSRV                   // hosts with ports and weights
)

var typeNames = []string{"a", "srv"}

// String returns the type's word.
func (t RecordType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("RecordType(%d)", uint8(t))
}

// Allowed lists the words that UnmarshalText takes.
func (t RecordType) Allowed() []string { return typeNames }

// UnmarshalText accepts the types' words.
func (t *RecordType) UnmarshalText(text []byte) error {
	i := slices.Index(typeNames, string(text))
	if i < 0 {
		return fmt.Errorf("%q is none of %s", text, strings.Join(typeNames, ", "))
	}
	*t = RecordType(i)
	return nil
}

// DNS says what to look up.
//
// With A and AAAA there is no stable name, so the ID is dns- and the address: a
// successor with the same address counts as the same target. With SRV the ID
// is the host's name and the port.
type DNS struct {
	Name     string        // of the records; with SRV all of it: _http._tcp.shop.internal
	Port     int           // of the targets, with A
	Type     RecordType    // A
	Interval time.Duration // between look-ups, 5 s: the resolver hides the records' TTL
	Resolver string        // host:port of the DNS server; empty is the system's
	Timeout  time.Duration // of a look-up, 5 s
}

// Enabled reports whether there is something to look up.
func (o DNS) Enabled() bool { return o != DNS{} }

// Validate reports what is wrong.
func (o DNS) Validate() error {
	switch {
	case o.Name == "" || len(o.Name) > 253 || strings.ContainsAny(o.Name, " /:"):
		return fmt.Errorf("found name %q, allowed: a name in DNS", o.Name)
	case o.Type == TypeA && (o.Port < 1 || o.Port > 65535):
		return fmt.Errorf("found port %d, allowed with type a: 1 to 65535", o.Port)
	case o.Type == TypeSRV && o.Port != 0:
		return fmt.Errorf("found port %d, allowed with type srv: none, the records have it", o.Port)
	case o.Interval < 0 || o.Interval > 0 && o.Interval < 100*time.Millisecond:
		return fmt.Errorf("found interval %v, allowed: at least 100ms", o.Interval)
	case o.Timeout < 0:
		return fmt.Errorf("found timeout %v, allowed: at least 0", o.Timeout)
	}
	if o.Resolver != "" {
		if host, port, err := net.SplitHostPort(o.Resolver); err != nil || host == "" || port == "" {
			return fmt.Errorf("found resolver %q, allowed: host:port", o.Resolver)
		}
	}
	return nil
}

type dns struct {
	DNS
	resolver *net.Resolver
	valid    func(target.Target) error
}

func newDNS(o DNS, valid func(target.Target) error) *dns {
	o.Interval = cmp.Or(o.Interval, dnsInterval)
	o.Timeout = cmp.Or(o.Timeout, dnsTimeout)
	d := &dns{DNS: o, resolver: &net.Resolver{PreferGo: true}, valid: valid}
	if o.Resolver != "" {
		var dialer net.Dialer
		d.resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, o.Resolver)
		}
	}
	return d
}

// Name implements Source.
func (d *dns) Name() string { return NameDNS }

// Run implements Source.
func (d *dns) Run(ctx context.Context, update func([]target.Target, error)) {
	poll(ctx, d.Interval, func() {
		targets, err := d.look(ctx)
		if ctx.Err() == nil {
			update(targets, err)
		}
	})
}

// look makes one table. An answer without records is an error: it is what a
// zone that is being changed gives, and no reason to send everybody away.
func (d *dns) look(ctx context.Context) ([]target.Target, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	find := d.addresses
	if d.Type == TypeSRV {
		find = d.services
	}
	targets, err := find(ctx)
	if err == nil && len(targets) == 0 {
		err = errors.New("no record")
	}
	for i := 0; i < len(targets) && err == nil; i++ {
		err = d.valid(targets[i])
	}
	if err != nil {
		return nil, fmt.Errorf("dns %s: %w", d.DNS.Name, plain(err))
	}
	return targets, nil
}

// plain takes from an error of the resolver what differs from look to look,
// such as the port that a question was sent from.
func plain(err error) error {
	var e *net.DNSError
	switch {
	case !errors.As(err, &e):
		return err
	case e.IsTimeout:
		return errors.New("timeout")
	}
	if sys, ok := errors.AsType[syscall.Errno](err); ok {
		return sys
	}
	if strings.Contains(e.Err, "->") {
		return errors.New("no answer")
	}
	return errors.New(e.Err)
}

// addresses asks for A and for AAAA. If one of the two cannot be answered the
// table would be half, so there is none.
func (d *dns) addresses(ctx context.Context) ([]target.Target, error) {
	var out []target.Target
	for _, network := range []string{"ip4", "ip6"} {
		addrs, err := d.resolver.LookupNetIP(ctx, network, d.DNS.Name)
		if err != nil && !absent(err) {
			return nil, err
		}
		for _, a := range addrs {
			a = a.Unmap().WithZone("")
			out = append(out, target.Target{ID: "dns-" + a.String(), Address: netip.AddrPortFrom(a, uint16(d.Port)).String(), Source: NameDNS})
		}
	}
	return unique(out), nil
}

// services takes the records of the lowest priority.
func (d *dns) services(ctx context.Context) ([]target.Target, error) {
	_, records, err := d.resolver.LookupSRV(ctx, "", "", d.DNS.Name)
	if err != nil && !absent(err) {
		return nil, err
	}
	heaviest := 0
	records = slices.DeleteFunc(records, func(r *net.SRV) bool { return r.Priority != records[0].Priority }) // sorted by it
	for _, r := range records {
		heaviest = max(heaviest, int(r.Weight))
	}
	out := make([]target.Target, len(records))
	for i, r := range records {
		address := net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port)))
		out[i] = target.Target{ID: address, Address: address, Weight: scale(int(r.Weight), heaviest), Source: NameDNS}
	}
	return unique(out), nil
}

// scale fits weights of 16 bits into those of targets, keeping their ratio.
func scale(weight, heaviest int) int {
	if heaviest > target.MaxWeight {
		weight = weight * target.MaxWeight / heaviest
	}
	return max(weight, 1)
}

// absent reports whether the server said that there is no such record, rather
// than nothing.
func absent(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// unique sorts by ID and drops doubles.
func unique(targets []target.Target) []target.Target {
	slices.SortFunc(targets, func(a, b target.Target) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(targets, func(a, b target.Target) bool { return a.ID == b.ID })
}
