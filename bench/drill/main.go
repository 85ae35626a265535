// Command drill measures the drill's load engine: CPU per request, memory per
// idle user, and how late it is.
//
//	drill [-users 500] [-rate 4000] [-rounds 3] [-span 3s] [-out out]
//
// Every client is a process of its own, with the same users at the same rate
// against the same process that answers prepared bytes:
//
//	engine         the engine as the drill uses it: journeys, schedule, statistics
//	engine-client  its client alone, a goroutine per user
//	net/http       an http.Client with a Transport and a cookie jar per user, a
//	               goroutine per user
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
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// limit is how long the whole may take.
const limit = 4 * time.Minute

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
	flag.IntVar(&l.Users, "users", 500, "")
	flag.Float64Var(&l.Rate, "rate", 4000, "requests per second of all users")
	flag.DurationVar(&l.Span, "span", 3*time.Second, "of a round")
	rounds := flag.Int("rounds", 3, "of each client")
	out := flag.String("out", "out", "folder of drill.json")
	flag.Parse()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return run(ctx, l, *rounds, *out)
}

// load is what every client is given.
type load struct {
	Users int           `json:"users"`
	Rate  float64       `json:"rate"`
	Span  time.Duration `json:"span_ns"`
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
	// LatenessMS is how much later than due requests were begun.
	LatenessMS measure.Sample `json:"lateness_p99_ms"`
	PeakRSS    measure.Sample `json:"peak_rss_mb"`
}

// reference is the client that the others are compared with.
const reference = "net/http"

var clients = []string{"engine", "engine-client", reference}

func run(ctx context.Context, l load, rounds int, out string) error {
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
