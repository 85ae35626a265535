package record_test

import (
	"fmt"
	"os"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
)

func Example() {
	dir, err := os.MkdirTemp("", "drill")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	w, err := record.Create(dir, record.Header{Users: 1, Strategy: "sticky"}, record.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Event(history.Event{ID: 1, Kind: "kill"})
	w.Observe(history.Op{Kind: history.Login, Status: 200})
	finished, err := w.Finish(report.Result{Verdict: check.VerdictPass})
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err := record.Load(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Result.Strategy, run.Result.Verdict, report.Text(run.Result) == report.Text(finished))
	// Output: sticky pass true
}

func ExampleDescribe() {
	describe := record.Describe(engine.Probe{Secret: "not-to-be-told-to-anybody"})
	for _, r := range describe(history.Op{Kind: history.Append, Key: "k3", Token: "u1-1-7"}, "u1") {
		fmt.Println(r.Method, r.Path, r.Headers)
	}
	// Output: POST /probe/append?k=k3&t=u1-1-7 [X-Evenkeel-Probe: $X_EVENKEEL_PROBE]
}
