package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/evenkeel/evenkeel/bench/measure"
)

// runVegeta has vegeta send at the load's rate. It knows no users: with as many
// connections as there are users at most, it takes whatever is idle.
func runVegeta(ctx context.Context, url string, l load) (result, error) {
	// It binds ports by itself, which those that wait after a round before do
	// not leave it on an address that others use.
	from := net.IPAddr{IP: net.IPv4(127, 0, 1, byte(1+os.Getpid()%250))}
	attacker := vegeta.NewAttacker(vegeta.Connections(l.Users), vegeta.MaxConnections(l.Users), vegeta.LocalAddr(from), vegeta.HTTP2(false))
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: url})
	pace := vegeta.ConstantPacer{Freq: int(l.Rate), Per: time.Second}
	stop, err := l.profiled()
	if err != nil {
		return result{}, err
	}
	defer stop()
	began, err := measure.SelfCPU()
	if err != nil {
		return result{}, err
	}
	var delays []time.Duration
	var first time.Time
	for r := range attacker.Attack(target, pace, l.Span, "drill") {
		if r.Error != "" || r.Code != http.StatusOK {
			err = fmt.Errorf("request %d: %d %s", r.Seq, r.Code, r.Error)
		}
		// The attack began, at the latest, when the most punctual request
		// says so.
		due := time.Duration(float64(r.Seq) / l.Rate * float64(time.Second))
		if start := r.Timestamp.Add(-due); first.IsZero() || start.Before(first) {
			first = start
		}
		delays = append(delays, time.Duration(r.Timestamp.UnixNano())-due)
		if ctx.Err() != nil {
			attacker.Stop()
		}
	}
	if err != nil {
		return result{}, err
	}
	ended, err := measure.SelfCPU()
	for i := range delays {
		delays[i] -= time.Duration(first.UnixNano())
	}
	n := int64(len(delays))
	return result{Requests: n, US: measure.Micros(ended-began, n), Late: lateness(delays)}, err
}
