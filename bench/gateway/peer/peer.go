// Package peer starts the proxies that take part in the benchmark of the
// gateway, each a process of its own in front of given targets.
//
//	p, err := peer.Start(ctx, "haproxy", dir, targets)
//	if errors.Is(err, peer.ErrMissing) { … } // it says why
//	defer p.Stop()
//	err = p.Remove(ctx, targets[1]) // until it is empty, or the bound is over
//
// # Guarantees
//
//   - Peers are wired as their own documents show, with health checks, retries
//     and affinity by cookie where they have them: evenkeel, haproxy, caddy.
//     Debian's nginx has no affinity by cookie and marks browsers with userid;
//     the proxies of httputil have nothing of it.
package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/role"
	"github.com/evenkeel/evenkeel/bench/measure"
)

// ErrMissing is wrapped when a proxy is not on this machine.
var ErrMissing = errors.New("left out")

// Names of those who take part, in the order of tables. Maint is HAProxy whose
// target is taken out by maint instead of drain.
const (
	Evenkeel = role.Evenkeel
	Tuned    = role.Tuned
	Default  = role.Default
	Nginx    = "nginx"
	HAProxy  = "haproxy"
	Maint    = "haproxy-maint"
	Caddy    = "caddy"
	Traefik  = "traefik"
)

// Target is one instance behind a proxy.
type Target struct{ Name, Addr string }

// Proxy is a proxy that runs.
type Proxy struct {
	*measure.Process
	Name    string
	Addr    string
	Version string
	Admin   string // address of its admin API, if it has one

	home    string // its files
	targets []Target
}

// foreign is a proxy that reads a configuration.
type foreign struct {
	find    func() (string, error)
	version []string
	args    func(home, conf string) []string
	conf    func(p *Proxy, without string) string
}

var foreigners = map[string]foreign{
	Nginx:   {find: onPath("nginx"), version: []string{"-v"}, args: nginxArgs, conf: nginxConf},
	HAProxy: {find: onPath("haproxy"), version: []string{"-v"}, args: haproxyArgs, conf: haproxyConf},
	Maint:   {find: onPath("haproxy"), version: []string{"-v"}, args: haproxyArgs, conf: haproxyConf},
	Caddy:   {find: findCaddy, version: []string{"version"}, args: caddyArgs, conf: caddyConf},
}

func onPath(name string) func() (string, error) {
	return func() (string, error) {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%s: %w: not installed", name, ErrMissing)
		}
		return path, nil
	}
}

// Start starts a proxy; its files are in a folder of its own under dir. It
// accepts connections when Start returns; see Serves.
func Start(ctx context.Context, name, dir string, targets []Target) (*Proxy, error) {
	p := &Proxy{Name: name, targets: targets}
	if err := Missing(name); err != nil {
		return nil, err
	}
	if f, ok := foreigners[name]; ok {
		return p, p.startForeign(ctx, f, dir)
	}
	var addrs []string
	for _, t := range targets {
		addrs = append(addrs, t.Addr)
	}
	if err := p.startRole(ctx, name, addrs...); err != nil {
		return nil, err
	}
	if name != Evenkeel {
		return p, nil
	}
	var err error
	if p.Admin, err = p.Line(ctx); err != nil {
		p.Stop()
	}
	return p, err
}

// StartRole starts this program in a role; what it prints after its address is
// in Lines.
func StartRole(ctx context.Context, name string, args ...string) (*Proxy, error) {
	p := &Proxy{Name: name}
	return p, p.startRole(ctx, name, args...)
}

func (p *Proxy) startRole(ctx context.Context, name string, args ...string) error {
	var err error
	if p.Process, err = measure.Self(ctx, append([]string{"role", name}, args...)...); err != nil {
		return err
	}
	if p.Addr, err = p.Line(ctx); err != nil {
		p.Stop()
	}
	return err
}

func (p *Proxy) startForeign(ctx context.Context, f foreign, dir string) error {
	path, err := f.find()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, path, f.version...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("version of %s: %w", path, err)
	}
	p.Version, _, _ = strings.Cut(string(out), "\n")
	for _, addr := range []*string{&p.Addr, &p.Admin} {
		port, err := measure.FreePort(ctx)
		if err != nil {
			return err
		}
		*addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	if p.home, err = os.MkdirTemp(dir, p.Name+"-"); err != nil {
		return err
	}
	if err := os.Chmod(p.home, 0o755); err != nil { // nginx's workers may be somebody else
		return err
	}
	if err := p.write(f.conf(p, "")); err != nil {
		return err
	}
	if p.Process, err = measure.Start(ctx, path, f.args(p.home, p.confPath())...); err != nil {
		return err
	}
	go func() { // nobody reads what it prints
		for range p.Lines {
		}
	}()
	await, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := p.Await(await, p.Addr); err != nil {
		p.Stop()
		return err
	}
	return nil
}

func (p *Proxy) confPath() string { return filepath.Join(p.home, "conf") }

func (p *Proxy) write(conf string) error { return os.WriteFile(p.confPath(), []byte(conf), 0o600) }

// HasAffinity reports whether clients stay on their target.
func (p *Proxy) HasAffinity() bool {
	return slices.Contains([]string{Evenkeel, HAProxy, Maint, Caddy}, p.Name)
}

// Missing is why a proxy cannot take part; nil if it can.
func Missing(name string) error {
	if name == Traefik {
		return fmt.Errorf("traefik: %w: it cannot be built here", ErrMissing)
	}
	if f, ok := foreigners[name]; ok {
		_, err := f.find()
		return err
	}
	return nil
}
