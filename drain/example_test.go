package drain_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// The main of a service.
func Example() {
	d, err := drain.New(drain.Options{
		Budget: drain.Budget{Withdraw: drain.None}, // a preStop sleep has waited already
		Grace:  25 * time.Second,                   // what it leaves of 30 s
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		slog.Error("options", "error", err)
		os.Exit(2)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", d.Ready())
	mux.Handle("GET /livez", d.Live())
	d.Hook("telemetry", 1, func(ctx context.Context) error { return nil /* flush until ctx ends */ })

	srv := &http.Server{Addr: "127.0.0.1:0", Handler: d.Handler(mux), ReadHeaderTimeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-d.Reached(drain.Serving); cancel() }() // in place of a SIGTERM
	report, err := d.Run(ctx, srv)
	fmt.Println(report.Trigger, report.Empty(), err)
	// Output: context true <nil>
}

func ExampleBudget_Fit() {
	fit, err := drain.Budget{Requests: 10 * time.Second}.Fit(30 * time.Second) // the rest is default and shrinks
	fmt.Println(fit, err)
	_, err = drain.Budget{10 * time.Second, 30 * time.Second, 60 * time.Second, 5 * time.Second}.Fit(30 * time.Second)
	fmt.Println(err)
	// Output:
	// withdraw 5s + max(requests 10s, streams 17.272s) + flush 5s + margin 2.727s = 29.999s <nil>
	// the budget does not fit the grace period: withdraw 10s + max(requests 30s, streams 60s) + flush 5s + margin 5s = 80s > grace 30s
}

func ExampleBudget_Needed() {
	b := drain.Budget{Withdraw: drain.None, Requests: 20 * time.Second, Streams: 60 * time.Second} // Flush is the default
	fmt.Println(b.Needed(), b.Margin())
	// Output: 1m5s 5s
}

func ExampleNew() {
	_, err := drain.New(drain.Options{Budget: drain.Budget{Requests: time.Minute}, Grace: 30 * time.Second})
	if fit, ok := errors.AsType[*drain.FitError](err); ok {
		fmt.Println(fit.Budget.Needed()+fit.Budget.Margin() > fit.Grace)
	}
	// Output: true
}

// Server-sent events that end after a whole event when the process leaves, so
// that the browser reconnects to another one.
func ExampleLeaving() {
	events := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream") // makes it a stream
		for i := 1; ; i++ {
			fmt.Fprintf(w, "id: %d\ndata: tick\n\n", i)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-drain.Leaving(r.Context()):
				return
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel() // the client has left
	w := httptest.NewRecorder()
	events(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/", nil))
	fmt.Printf("%q", w.Body)
	// Output: "id: 1\ndata: tick\n\n"
}

// A download that takes long is a stream too, once it says so.
func ExampleStream() {
	download := func(w http.ResponseWriter, r *http.Request) {
		leaving := drain.Stream(r.Context())
		select {
		case <-leaving: // the client resumes with a Range request
		default:
			io.WriteString(w, "the next part")
		}
	}
	d, err := drain.New(drain.Options{})
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	d.Handler(http.HandlerFunc(download)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Body)
	// Output: the next part
}

// Before Run serves, and once the process leaves, readiness is 503.
func ExampleDrainer_Ready() {
	d, err := drain.New(drain.Options{})
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	d.Ready().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 starting
}

// Run without servers: the sequence for what somebody else serves.
func ExampleDrainer_Run() {
	d, err := drain.New(drain.Options{Budget: drain.Budget{Withdraw: drain.None}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	d.Hook("close the store", 2, func(context.Context) error { fmt.Println("closed"); return nil })
	d.Hook("last commits", 1, func(context.Context) error { fmt.Println("committed"); return nil })
	d.Drain() // programmatic, rather than by a signal
	report, err := d.Run(context.Background())
	fmt.Println(report.Trigger, err, d.State())
	// Output:
	// committed
	// closed
	// call <nil> stopped
}
