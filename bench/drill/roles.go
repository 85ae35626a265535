package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
)

// play is what this program does when it starts itself.
func play(ctx context.Context, role string, args []string) error {
	if role == "server" {
		return serve(ctx)
	}
	var l load
	if err := json.Unmarshal([]byte(args[1]), &l); err != nil {
		return err
	}
	l.role = role
	r, err := runClient(ctx, role, args[0], l)
	if err != nil {
		return err
	}
	rss, err := measure.PeakRSS()
	if err != nil {
		return err
	}
	r.PeakRSSMB = float64(rss) / (1 << 20)
	return json.NewEncoder(os.Stdout).Encode(r)
}

func runClient(ctx context.Context, role, addr string, l load) (result, error) {
	switch role {
	case "engine":
		return runEngine(ctx, addr, l)
	case "engine-client", "planted-fault":
		c, err := engine.NewClient([]string{"http://" + addr}, engine.NewClock(), engine.ClientOptions{})
		if err != nil {
			return result{}, err
		}
		return l.drive(ctx, func() (send, error) { return engineUser(c.User(), role == "planted-fault"), nil })
	case "vegeta":
		return runVegeta(ctx, "http://"+addr+path, l)
	case reference:
		return l.drive(ctx, func() (send, error) { return httpUser("http://" + addr + path) })
	}
	return result{}, fmt.Errorf("no role %q", role)
}

// path is what every client asks for.
const path = "/200"

// send is one request of a user.
type send func(context.Context) error

// engineUser is a user of the engine. twice sends some requests twice.
func engineUser(u *engine.User, twice bool) send {
	n := 0
	return func(ctx context.Context) error {
		n++
		times := 1
		if twice && n%5 == 0 {
			times = 2
		}
		for range times {
			x, err := u.Do(ctx, engine.Request{Method: http.MethodGet, Path: path})
			if err == nil && x.Failure != nil {
				err = fmt.Errorf("%s: %w", x.Failure.What, x.Err)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// httpUser is a user of net/http, as one would write it.
func httpUser(url string) (send, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 6, DisableCompression: true}}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s", resp.Status)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}, nil
}
