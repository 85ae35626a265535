package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/demo/shop"
	"github.com/evenkeel/evenkeel/internal/drill"
)

// Options of a demo, as the command's flags give them.
type Options struct {
	For      time.Duration // 0: until the verdict; on a terminal with a page, until interrupted
	Users    int
	Every    time.Duration // an event each
	Control  time.Duration // quiet time before the first event
	Strategy string        // "" is the default sequence
	Store    string        // sqlite:PATH; "" is a file in a temporary folder
	Page     string        // auto, an address, or off
	Seed     uint64
	JSON     string // file for the result, "-" is standard output, "" none
	HTML     string // file for the report, likewise
}

// lengths of the default sequence.
const (
	stickyFor   = 20 * time.Second
	evenkeelFor = 40 * time.Second
	shortest    = 10 * time.Second // a phase; less shows nothing
)

// check refuses what cannot work before anything is started, with the first
// flag that is wrong.
func (o *Options) check() error {
	switch {
	case o.Users < 1 || o.Users > 5000:
		return fmt.Errorf("--users %d: must be 1 to 5000", o.Users)
	case o.Every < time.Second:
		return fmt.Errorf("--every %v: must be at least 1s", o.Every)
	case o.Control < time.Second:
		return fmt.Errorf("--control %v: must be at least 1s", o.Control)
	case o.JSON == "-" && o.HTML == "-":
		return errors.New("--html -: --json - has standard output already")
	case o.For < 0 || o.For > 0 && o.For < shortest:
		return fmt.Errorf("--for %v: must be at least %v", o.For, shortest)
	}
	if o.Strategy != "" && o.Strategy != "all" {
		if _, err := StrategyNamed(o.Strategy); err != nil {
			return err
		}
	}
	for _, p := range o.phases() {
		if p.length < shortest {
			return fmt.Errorf("--for %v: leaves %v for %s, and at least %v are needed to show anything",
				o.For, p.length.Round(100*time.Millisecond), p.strategy.Name, shortest)
		}
		if o.Control+max(o.Every, drill.LastEvent) > p.length {
			return fmt.Errorf("--every %v: nothing would happen in the %v that %s has after --control %v; use a longer --for",
				o.Every, p.length.Round(100*time.Millisecond), p.strategy.Name, o.Control)
		}
	}
	return nil
}

// phase is one strategy for some time.
type phase struct {
	strategy Strategy
	length   time.Duration
}

// phases says what to run; nothing for a strategy that does not exist.
func (o *Options) phases() []phase {
	total := o.For
	switch o.Strategy {
	case "":
		first, second := stickyFor, evenkeelFor
		if total > 0 {
			first, second = total/3, total-total/3
		}
		sticky, _ := StrategyNamed("sticky")
		ours, _ := StrategyNamed("evenkeel")
		return []phase{{sticky, first}, {ours, second}}
	case "all":
		each := evenkeelFor
		if total > 0 {
			each = total / time.Duration(len(Strategies))
		}
		var out []phase
		for _, s := range Strategies {
			out = append(out, phase{s, each})
		}
		return out
	default:
		s, err := StrategyNamed(o.Strategy)
		if err != nil {
			return nil
		}
		if total == 0 {
			total = evenkeelFor
		}
		return []phase{{s, total}}
	}
}

// storeAt says where a strategy's sessions are: a file in dir, unless the flag
// names something else. Blobs are in a file of their own, also where the
// library's records are in Redis.
func (o *Options) storeAt(dir string, s Strategy) (string, error) {
	path := filepath.Join(dir, "sessions.db")
	if scheme, rest, _ := strings.Cut(o.Store, ":"); scheme == "sqlite" && rest != "" {
		path = rest
	} else if strings.HasPrefix(scheme, "redis") && strings.HasPrefix(rest, "//") {
		if s.Sessions == InLibrary {
			return o.Store, nil
		}
	} else if o.Store != "" {
		return "", fmt.Errorf("--store %s: not understood; use sqlite:PATH, redis://HOST:PORT/DB, redis-sentinel://HOSTS/MASTER or redis-cluster://HOSTS", o.Store)
	}
	if s.Sessions == InBlob {
		path += ".shared"
	}
	return filepath.Abs(path)
}

// checkStores opens what the phases will write to, so that a path that does
// not work is said before anything starts.
func (o *Options) checkStores(ctx context.Context, dir string) error {
	for _, p := range o.phases() {
		at, err := o.storeAt(dir, p.strategy)
		if err != nil {
			return err
		}
		if err := shop.CheckStore(ctx, string(p.strategy.Sessions), at); err != nil {
			return fmt.Errorf("--store: %w", err)
		}
	}
	return nil
}

// listen opens the page's address.
func (o *Options) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	switch o.Page {
	case "auto", "":
		for port := 8080; port < 8100; port++ {
			if l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				return l, nil
			}
		}
		return lc.Listen(ctx, "tcp", "127.0.0.1:0")
	default:
		l, err := lc.Listen(ctx, "tcp", o.Page)
		if err != nil {
			return nil, fmt.Errorf("--page %s: %w", o.Page, err)
		}
		return l, nil
	}
}
