package gateway

import (
	"errors"
	"net/netip"
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/gateway/certs"
)

// traffic are the options of the listener that clients meet.
func (g *fileGateway) traffic() TrafficOptions {
	o := TrafficOptions{Listen: g.Listen, H2C: g.H2C, Limits: g.Limits.options(), Forwarded: g.Forwarded}
	for _, p := range g.TLS {
		o.TLS = append(o.TLS, certs.Pair{CertFile: beside(p.Pos, p.CertFile), KeyFile: beside(p.Pos, p.KeyFile)})
	}
	for _, n := range g.Trusted {
		o.Trusted = append(o.Trusted, n.Prefix)
	}
	return o
}

// filePair is a certificate. Its files are read at the start and whenever they
// change, and not with this file: what is wrong with them must not hold up a
// reload of targets.
type filePair struct {
	CertFile string `yaml:"cert_file,required"`
	KeyFile  string `yaml:"key_file,required"`

	Pos config.Pos `yaml:"-"`
}

// fileNetwork is one of trusted hops: a prefix, or a single address.
type fileNetwork struct{ netip.Prefix }

// Allowed implements config.Enum.
func (fileNetwork) Allowed() []string {
	return []string{"a network such as 10.0.0.0/8 or fd00::/8", "an address"}
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *fileNetwork) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		n.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil || prefix.Addr().Is4In6() {
		return errors.New("not a network")
	}
	n.Prefix = prefix.Masked()
	return nil
}

// fileLimits are LimitOptions; 0 and absent are the default.
type fileLimits struct {
	Head        config.Size   `yaml:"head"`
	HeadTime    time.Duration `yaml:"head_time"`
	Body        config.Size   `yaml:"body"`
	BodyIdle    time.Duration `yaml:"body_idle"`
	WriteStall  time.Duration `yaml:"write_stall"`
	Idle        time.Duration `yaml:"idle"`
	Connections uint16        `yaml:"connections"`
	Streams     uint16        `yaml:"streams"`
}

// Validate implements config.Validator.
func (l fileLimits) Validate(at config.At) {
	if l.Head != 0 && (l.Head < 8<<10 || l.Head > 16<<20) {
		at.Errorf("head", "found %s, allowed: 8KiB to 16MiB", at.Found("head", l.Head))
	}
}

func (l fileLimits) options() LimitOptions {
	return LimitOptions{HeadBytes: int(l.Head), HeadTime: l.HeadTime, BodyBytes: int64(l.Body), BodyIdle: l.BodyIdle,
		WriteStall: l.WriteStall, Idle: l.Idle, Connections: int(l.Connections), Streams: int(l.Streams)}
}

// fileAccess is the access log: path is a file, stdout, or off.
type fileAccess struct {
	Path   string   `yaml:"path"`
	Sample *float64 `yaml:"sample"` // of requests that did not fail; nil is 1

	Pos config.Pos `yaml:"-"`
}

// Validate implements config.Validator.
func (f fileAccess) Validate(at config.At) {
	if f.Sample != nil && (*f.Sample < 0 || *f.Sample > 1) {
		at.Errorf("sample", "found %s, allowed: 0 to 1", at.Found("sample", *f.Sample))
	}
}

func (f fileAccess) options() AccessOptions {
	var o AccessOptions
	switch f.Path {
	case "", "off":
		return o
	case "stdout":
		o.Path = f.Path
	default:
		o.Path = beside(f.Pos, f.Path)
	}
	if f.Sample != nil {
		if o.Sample = *f.Sample; o.Sample == 0 {
			o.Sample = -1
		}
	}
	return o
}
