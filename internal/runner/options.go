package runner

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/platform"
)

// Options of a run. Command is required.
type Options struct {
	Command []string // the program and its arguments

	Listen string // where clients connect; with App, or neither
	App    string // where the program listens
	// Budget of the way out; see package drain for zero.
	Budget drain.Budget
	// Grace is the platform's grace period; 0 asks the platform, and is
	// drain.DefaultGrace if that does not say.
	Grace time.Duration

	Probes    string // address of /livez and /readyz; empty has none
	ReadyPath string // of Listen, answered with 503 from withdrawal on; empty has none
	Admin     string // address of the admin API; empty has none

	Hosts []platform.Host // that are told of the way out
	Log   *slog.Logger    // nil is slog.Default()
}

// DefaultAdmin is where evenkeel drain finds a run.
const DefaultAdmin = "127.0.0.1:9901"

// Usage is what is wrong with a command line or with what it names; exit 2.
type Usage struct{ Err error }

func (e *Usage) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Usage) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return &Usage{fmt.Errorf(format, args...)} }

// Flags adds the flags of a run to f. What they mean is in o after f.Parse;
// Finish checks it.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.Listen, "listen", o.Listen, "`address` that clients connect to, such as :8080; needs --app")
	f.StringVar(&o.App, "app", o.App, "`address` that the program listens on, such as 127.0.0.1:8081")
	part := func(name string, d *time.Duration, def time.Duration, text string) {
		f.Func(name, fmt.Sprintf("%s (`time`, default %v; 0s is none)", text, def), func(s string) (err error) {
			if *d, err = time.ParseDuration(s); err == nil && *d == 0 {
				*d = drain.None
			}
			if err == nil && *d < drain.None {
				err = errors.New("it is negative")
			}
			return err
		})
	}
	part("withdraw", &o.Budget.Withdraw, drain.DefaultWithdraw, "how long balancers may still send after readiness fails")
	part("requests", &o.Budget.Requests, drain.DefaultRequests, "the longest request that may finish")
	part("streams", &o.Budget.Streams, drain.DefaultStreams, "the same for WebSockets and event streams, which are told")
	part("flush", &o.Budget.Flush, drain.DefaultFlush, "how long the program has after its SIGTERM")
	f.Func("grace", "grace period of the platform, from the signal to SIGKILL (`time` or auto, default auto: asks the platform, else 30s)", o.setGrace)
	f.StringVar(&o.Probes, "probes", o.Probes, "`address` of /livez and /readyz for kubelets and balancers, such as :9902")
	f.StringVar(&o.ReadyPath, "ready-path", o.ReadyPath, "`path` on --listen that is 503 from withdrawal on, such as /healthz")
	f.StringVar(&o.Admin, "admin", o.Admin, "loopback `address` of the admin API")
}

func (o *Options) setGrace(s string) (err error) {
	if s == "auto" {
		o.Grace = 0
		return nil
	}
	if o.Grace, err = time.ParseDuration(s); err != nil {
		return err
	}
	if o.Grace <= 0 {
		return errors.New("it must be positive")
	}
	return nil
}

// Parse reads a command line: flags, then the program, with or without "--".
func Parse(args []string, stderr io.Writer) (Options, error) {
	o := Options{Admin: DefaultAdmin}
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.SetOutput(stderr)
	o.Flags(f)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.Command = f.Args()
	return o, o.Check()
}

// Check reports what is wrong, as a *Usage.
func (o *Options) Check() error {
	if len(o.Command) == 0 || o.Command[0] == "" {
		return usage("no program: say which after --, as in: run --listen :8080 --app 127.0.0.1:8081 -- ./shop")
	}
	if (o.Listen == "") != (o.App == "") {
		return usage("--listen and --app go together: one is where clients connect, the other where the program listens")
	}
	if o.ReadyPath != "" && (o.Listen == "" || !strings.HasPrefix(o.ReadyPath, "/")) {
		return usage("--ready-path %q: want a path such as /healthz, and --listen", o.ReadyPath)
	}
	seen := map[string]string{}
	for _, a := range []struct{ flag, addr string }{{"app", o.App}, {"listen", o.Listen}, {"probes", o.Probes}, {"admin", o.Admin}} {
		if a.addr == "" {
			continue
		}
		host, port, err := net.SplitHostPort(a.addr)
		if err != nil || port == "" {
			return usage("--%s %q: want host:port or :port", a.flag, a.addr)
		}
		if other, ok := seen[port]; ok && clash(host, port, seen[port+"/host"]) {
			return usage("--%s %s and --%s are the same port: each needs one of its own", a.flag, a.addr, other)
		}
		seen[port], seen[port+"/host"] = a.flag, host
	}
	return o.loopbackAdmin()
}

// clash tells whether two listeners on one port get in each other's way.
func clash(a, port, b string) bool {
	return port != "0" && (a == b || anyHost(a) || anyHost(b) || a == "localhost" || b == "localhost")
}

func anyHost(h string) bool { return h == "" || h == "0.0.0.0" || h == "::" }

// loopbackAdmin: whoever reaches the admin API can stop the program.
func (o *Options) loopbackAdmin() error {
	if o.Admin == "" {
		return nil
	}
	host, _, _ := net.SplitHostPort(o.Admin) // was checked
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usage("--admin %s: it has no password, so it listens on loopback only", o.Admin)
	}
	return nil
}
