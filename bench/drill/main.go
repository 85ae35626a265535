// Command drill measures the drill's load engine: CPU per request, memory per
// idle user, and how late it is.
//
//	drill [-users 5000] [-rate 5000] [-rounds 3] [-span 5s] [-out out] [-only NAME] [-profiles FOLDER]
//
// Every client is a process of its own, with the same users at the same rate
// against the same process that answers prepared bytes:
//
//	engine         the engine as the drill uses it: journeys, schedule, statistics
//	engine-client  its client alone, a goroutine per user
//	net/http       an http.Client with a Transport and a cookie jar per user, a
//	               goroutine per user
//	vegeta         the load tool's library: one Transport, no users, no cookies,
//	               as few connections as suffice
//
// k6 is left out: there is no package of it that could be installed here.
//
// # Guarantees
//
//   - In each round the server must have counted exactly the requests that the
//     client says it sent. The control, a client that sends one request in
//     five twice and tells nobody, must be found out before anything is
//     measured.
//   - A request that fails is an error, not a figure.
//
// # Not guaranteed
//
//   - That memory in the kernel is counted: memory is that of Go's heap and
//     stacks, after a collection.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// limit is how long the whole may take.
const limit = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context) error {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		return play(ctx, os.Args[2], os.Args[3:])
	}
	var l load
	flag.IntVar(&l.Users, "users", 5000, "")
	flag.Float64Var(&l.Rate, "rate", 5000, "requests per second of all users")
	flag.DurationVar(&l.Span, "span", 5*time.Second, "of a round")
	only := flag.String("only", "", "one client and net/http, instead of all")
	rounds := flag.Int("rounds", 3, "of each client")
	flag.StringVar(&l.Profiles, "profiles", "", "folder for a CPU profile of each client")
	out := flag.String("out", "out", "folder of drill.json")
	flag.Parse()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	chosen := clients
	if *only != "" {
		chosen = []string{*only}
		if *only != reference {
			chosen = append(chosen, reference)
		}
	}
	return run(ctx, l, chosen, *rounds, *out)
}

// load is what every client is given.
type load struct {
	Users int           `json:"users"`
	Rate  float64       `json:"rate"`
	Span  time.Duration `json:"span_ns"`
	// Profiles is a folder for a CPU profile of the client, "" for none. A
	// profile costs CPU itself.
	Profiles string `json:"profiles,omitempty"`
	role     string
}

// profiled begins a profile, if one is wanted; the function ends it.
func (l load) profiled() (stop func(), err error) {
	if l.Profiles == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(l.Profiles, strings.ReplaceAll(l.role, "/", "-")+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
		}
	}, nil
}

// report is drill.json.
type report struct {
	Machine measure.Machine `json:"machine"`
	Load    load            `json:"load"`
	Clients []figure        `json:"clients"`
}

// figure is what was measured of a client.
type figure struct {
	Client string         `json:"client"`
	US     measure.Sample `json:"us_per_request"`
	// Ratio is to net/http in the same round.
	Ratio measure.Sample `json:"ratio_net_http"`
	// IdleBytes of a user with a connection; of no round where users do not
	// stay (engine).
	IdleBytes measure.Sample `json:"bytes_per_idle_user"`
	// Shed requests of all rounds: the machine was too busy for their users.
	Shed int64 `json:"shed"`
	// Late is how much later than due requests were begun.
	LateP50  measure.Sample `json:"lateness_p50_ms"`
	LateP99  measure.Sample `json:"lateness_p99_ms"`
	LateP999 measure.Sample `json:"lateness_p999_ms"`
	PeakRSS  measure.Sample `json:"peak_rss_mb"`
}

// reference is the client that the others are compared with.
const reference = "net/http"

var clients = []string{"engine", "engine-client", reference, "vegeta"}

func run(ctx context.Context, l load, clients []string, rounds int, out string) error {
	rep := report{Machine: measure.ThisMachine(), Load: l}
	fmt.Println(rep.Machine)
	server, err := startServer(ctx)
	if err != nil {
		return err
	}
	defer server.Stop()
	short := load{Users: 50, Rate: 1000, Span: 500 * time.Millisecond}
	if _, err := server.measure(ctx, "engine-client", short); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	switch _, err := server.measure(ctx, "planted-fault", short); {
	case err == nil:
		return errors.New("control: a client that hides requests was not found out")
	case !errors.Is(err, errCount):
		return fmt.Errorf("control: %w", err)
	}
	results := map[string][]result{}
	for range rounds {
		for _, c := range clients {
			r, err := server.measure(ctx, c, l)
			if err != nil {
				return fmt.Errorf("%s: %w", c, err)
			}
			results[c] = append(results[c], r)
		}
	}
	for _, c := range clients {
		rep.Clients = append(rep.Clients, summarise(c, results[c], results[reference]))
	}
	show(os.Stdout, rep, rounds)
	return measure.Save(out, "drill.json", rep)
}
