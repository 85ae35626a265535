package plan

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/drill/journey"
)

// StrangersRate is how many requests per second a service at a public address
// gets at most, unless somebody says that it is theirs.
const StrangersRate = 100

// Rate is what the plan asks for at most, in requests per second.
func (p *Plan) Rate() float64 {
	requests := 1.0
	if j, ok := p.Dialect.(*journey.Journey); ok {
		requests = float64(j.Requests())
	}
	switch {
	case p.Pace.Rate > 0:
		return p.Pace.Rate * requests
	case p.Pace.Think > 0:
		return float64(p.Users) / p.Pace.Think.Seconds() * requests
	}
	return float64(p.Users) / 0.5 * requests // the engine's own pace
}

// Permit refuses a plan that flags have given more users than there are
// accounts, and to drill an address that is not private at more than
// StrangersRate, unless own: --i-own-this-target. Names are looked up; one that
// cannot be is left to the scout, who will not reach it either.
func (p *Plan) Permit(ctx context.Context, own bool) error {
	if p.most > 0 && p.Users > p.most {
		return &config.Error{File: or(p.file, "drill"), Key: "users", Msg: fmt.Sprintf("found %d, allowed: at most %d, as many as there are accounts", p.Users, p.most)}
	}
	if own || p.Rate() <= StrangersRate {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for _, t := range p.Targets {
		u, err := url.Parse(t)
		if err != nil {
			return fmt.Errorf("target: %w", err)
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if !private(a) {
				return &config.Error{File: or(p.file, "drill"), Key: "rate", Msg: fmt.Sprintf(
					"found %.0f requests/s for %s, whose address %s is not private, allowed: at most %d/s, or --i-own-this-target", p.Rate(), t, a, StrangersRate)}
			}
		}
	}
	return nil
}

// shared is the address space of carriers and clouds (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

func private(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a)
}
