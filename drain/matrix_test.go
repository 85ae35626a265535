package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// A scene is a fixture in some state, with a request and a stream in flight
// (until they are cut) and two idle connections.
type scene struct {
	*fixture
	idle   [2]*client
	stream *client
	hook   chan error
}

// reachState takes a fresh fixture there by signals alone.
func (c *scene) to(want State) {
	c.hook = make(chan error)
	c.d.Hook("waits", 1, func(ctx context.Context) error {
		select {
		case err := <-c.hook:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	for i := range c.idle {
		c.idle[i] = c.connect()
		<-c.idle[i].send("/quick")
	}
	c.connect().send("/slow")
	c.stream = c.connect()
	c.stream.hijack("/forget")
	for range want - Serving {
		c.signal()
	}
	c.reach(want)
}

// hijack sends a request that will be hijacked; echo tells whether it was.
func (c *client) hijack(path string) {
	_, c.err = fmt.Fprintf(c.c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
}

func (c *client) echo(line string) error {
	if c.err != nil {
		return c.err
	}
	if _, err := io.WriteString(c.c, line); err != nil {
		return err
	}
	got, err := c.r.ReadString('\n')
	if err == nil && got != line {
		return fmt.Errorf("echo of %q is %q", line, got)
	}
	return err
}

type event struct {
	name string
	do   func(*scene) error // an error says what its client saw
	next map[State]State    // where a state is left; the others stay
	// served tells in which states do must return nil.
	served func(State) bool
}

func always(State) bool { return true }

var events = []event{
	{"signal", func(c *scene) error {
		select {
		case c.signals <- nullSignal{}:
		default:
			return errors.New("nobody listens to signals")
		}
		return nil
	}, map[State]State{Serving: Withdrawing, Withdrawing: Draining, Draining: Flushing, Flushing: Stopped}, always},

	{"context ends", func(c *scene) error { c.cancel(); return nil },
		map[State]State{Serving: Withdrawing}, always},

	{"call", func(c *scene) error { c.d.Drain(); c.d.Drain(); return nil },
		map[State]State{Serving: Withdrawing}, always},

	{"request on a new connection", func(c *scene) error { return c.get("/quick").mustBe("quick") },
		nil, State.AcceptsNew},

	{"request on an idle connection", func(c *scene) error { return (<-c.idle[0].send("/quick")).mustBe("quick") },
		nil, State.Serves},

	{"request finishes", func(c *scene) error {
		select {
		case c.release <- struct{}{}:
		default:
			return errors.New("no request waits")
		}
		return nil
	}, nil, always}, // a handler that was cut may still wait

	{"stream starts", func(c *scene) error {
		c.idle[1].hijack("/hijack")
		return c.idle[1].echo("hello\n")
	}, nil, State.Serves},

	{"stream finishes", func(c *scene) error {
		err := c.stream.echo("still there\n")
		io.WriteString(c.stream.c, "bye\n")
		return err
	}, nil, State.Serves},

	{"request and stream finish", func(c *scene) error {
		c.release <- struct{}{}
		_, err := io.WriteString(c.stream.c, "bye\n")
		c.sleep(100 * time.Millisecond) // Shutdown polls
		return err
	}, map[State]State{Draining: Flushing}, State.Serves},

	{"server fails", func(c *scene) error {
		select {
		case c.l.fail <- errors.New("boom"):
			return nil
		default:
			return errors.New("nobody accepts")
		}
	}, map[State]State{Serving: Withdrawing}, State.AcceptsNew},

	{"hook fails", func(c *scene) error { return c.hookReturns(errors.New("hook failed")) },
		map[State]State{Flushing: Stopped}, func(s State) bool { return s == Flushing }},

	{"hook succeeds", func(c *scene) error { return c.hookReturns(nil) },
		map[State]State{Flushing: Stopped}, func(s State) bool { return s == Flushing }},

	{"hook hangs", func(c *scene) error {
		if c.d.State() != Flushing {
			return errors.New("no hook runs")
		}
		c.sleep(max(0, c.d.budget.Flush))
		return nil
	}, map[State]State{Flushing: Stopped}, func(s State) bool { return s == Flushing }},
}

type nullSignal struct{}

func (nullSignal) String() string { return "null" }
func (nullSignal) Signal()        {}

func (c *scene) hookReturns(err error) error {
	select {
	case c.hook <- err:
		return nil
	default:
		return errors.New("no hook runs")
	}
}

func (r reply) mustBe(body string) error {
	if r.err == nil && !r.whole(200, body) {
		return fmt.Errorf("unexpected answer %+v", r)
	}
	return r.err
}

// Every event in every state: the next state, what the client sees, and that
// the way out then ends with a report that adds up.
func TestEveryEventInEveryState(t *testing.T) {
	for state := Serving; state <= Stopped; state++ {
		for _, e := range events {
			t.Run(state.String()+"/"+e.name, func(t *testing.T) {
				inBubble(t, Options{Budget: usual}, func(x *fixture) {
					c := &scene{fixture: x}
					c.to(state)
					want, leaves := e.next[state]
					if !leaves {
						want = state
					}
					err := e.do(c)
					if served := e.served(state); (err == nil) != served {
						t.Errorf("served %v, want %v: %v", err == nil, served, err)
					}
					if err != nil && strings.Contains(err.Error(), "unexpected") {
						t.Error(err)
					}
					c.reach(want)
				})
			})
		}
	}
}
