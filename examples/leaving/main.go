// Command leaving is a service that breaks no request when it is told to end.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// budget says how long each part of the way out may take.
var budget = drain.Budget{
	Withdraw: 5 * time.Second,  // balancers may still send
	Requests: 20 * time.Second, // the longest request may finish
	Streams:  30 * time.Second, // the same for streams
	Flush:    5 * time.Second,  // all hooks together
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	grace := flag.Duration("grace", 45*time.Second, "what the platform waits between SIGTERM and SIGKILL")
	flag.Parse()
	d, err := drain.New(drain.Options{Budget: budget, Grace: *grace})
	if err != nil {
		log.Fatal(err)
	}
	d.Hook("telemetry", 1, flush)
	d.Worker("orders", consume)
	srv := &http.Server{Addr: *listen, Handler: d.Handler(service(d)), ReadHeaderTimeout: 10 * time.Second}
	report, err := d.Run(context.Background(), srv) // blocks until the way out is over
	if err != nil {
		log.Fatal(err) // something was cut, or a hook failed: the report in the log says what
	}
	fmt.Println("nothing was cut:", report.Empty())
}

// orders stands for a queue.
var orders = make(chan string)

func consume(ctx context.Context) error {
	for {
		select {
		case <-drain.Leaving(ctx):
			return nil // between two messages
		case o := <-orders:
			log.Print("handled ", o) // ctx only ends when it is cut
		}
	}
}

func service(d *drain.Drainer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", d.Ready()) // 503 from the first signal on
	mux.Handle("GET /livez", d.Live())   // 200 as long as the process answers
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /events", events)
	return mux
}
