package check_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Two overlapping writes were acknowledged, and the settle read shows one.
func Example() {
	token := func(i int) string { return history.Token("run", 7, 1, i) }
	op := func(kind history.Kind, call, ret time.Duration) history.Op {
		return history.Op{User: 7, Epoch: 1, Kind: kind, Call: call, Return: ret, Status: 200}
	}
	c := check.New(check.Options{})
	c.Observe(op(history.Login, 0, 5*time.Millisecond))
	for i := range 2 {
		w := op(history.Append, 10*time.Millisecond, 20*time.Millisecond)
		w.Token = token(i)
		c.Observe(w)
	}
	r := op(history.State, 200*time.Millisecond, 205*time.Millisecond)
	r.Settle, r.Seen = true, &history.Seen{User: "u7", Tokens: []string{token(1)}}
	c.Observe(r)

	o := c.Finish()
	for _, v := range o.Violations {
		fmt.Println(v.Guarantee, v.Grade, v.Detail)
	}
	verdict := check.Judge(o, []check.ID{check.G4}, nil)
	fmt.Println(verdict, verdict.ExitCode())
	// Output:
	// G4 lost u7-1-0-run of u7 was acknowledged and is gone
	// fail 1
}
