package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// scaleIn is one run in which one of three targets goes away.
type scaleIn struct {
	Proxy          string `json:"proxy"`
	Mode           string `json:"mode"`
	Requests       int    `json:"requests"`
	Failed         int    `json:"failed"`
	FailedPOST     int    `json:"failed_post"`
	DuplicatePOSTs int    `json:"duplicate_posts"` // executed more than once
	StreamsCut     int    `json:"streams_cut"`     // of targets that stayed
	// NeedlessMoves are clients that had to leave a target that stayed; absent
	// without affinity.
	NeedlessMoves *int `json:"needless_moves,omitempty"`
}

// leaving is the target that goes away.
const leaving = 1

// Parts of a run; the event itself is between them.
const (
	beforeEvent = 1500 * time.Millisecond
	afterEvent  = 1500 * time.Millisecond
)

func scaleIns(ctx context.Context) ([]scaleIn, error) {
	var out []scaleIn
	for _, mode := range []string{"drained", "graceful", "exit"} {
		for _, name := range []string{"evenkeel", "httputil-tuned"} {
			r, err := newFleet(ctx, name, mode)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", name, mode, err)
			}
			s, err := r.run(ctx)
			r.stop()
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", name, mode, err)
			}
			if mode == "exit" && name != "evenkeel" && s.Failed == 0 {
				return nil, errors.New("control: a target exited behind a proxy without retries, and no failure was seen")
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// fleet is a proxy with three targets.
type fleet struct {
	mode    string
	proxy   *proxy
	admin   string // of evenkeel
	targets []*proxy
	posts   *ledger
}

func newFleet(ctx context.Context, name, mode string) (f *fleet, err error) {
	f = &fleet{mode: mode, proxy: &proxy{name: name}, posts: newLedger()}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	onTerm := "graceful"
	if mode == "exit" {
		onTerm = "exit"
	}
	var addrs []string
	for i := range 3 {
		t := &proxy{name: targetName(i)}
		if err := t.startRole(ctx, "target", onTerm, t.name); err != nil {
			return f, err
		}
		f.targets = append(f.targets, t)
		f.posts.follow(t.Lines)
		addrs = append(addrs, t.addr)
	}
	if err := f.proxy.startRole(ctx, name, addrs...); err != nil {
		return f, err
	}
	if name == "evenkeel" {
		if f.admin, err = f.proxy.Line(ctx); err != nil {
			return f, err
		}
	}
	if err := f.proxy.ready(ctx, "/fast"); err != nil {
		return f, err
	}
	return f, f.allHealthy(ctx)
}

func (f *fleet) stop() {
	for _, t := range f.targets {
		t.Stop()
	}
	if f.proxy.Process != nil {
		f.proxy.Stop()
	}
}

// run puts load on the proxy and takes a target away.
func (f *fleet) run(ctx context.Context) (scaleIn, error) {
	c := newCrowd(f.proxy.addr, targetName(leaving))
	c.start(ctx)
	pause(ctx, beforeEvent)
	if n := c.failures(); n > 0 {
		c.finish()
		return scaleIn{}, fmt.Errorf("control: %d requests failed before anything happened: %w", n, c.firstFailure())
	}
	c.event.Store(true)
	err := f.takeAway(ctx)
	pause(ctx, afterEvent)
	c.finish()
	s := c.result()
	s.Proxy, s.Mode = f.proxy.name, f.mode
	if f.admin == "" {
		s.NeedlessMoves = nil
	}
	for _, t := range f.targets { // so that no line of theirs is lost
		err = errors.Join(err, f.end(ctx, t))
	}
	s.DuplicatePOSTs = f.posts.doubles()
	return s, err
}

func (f *fleet) takeAway(ctx context.Context) error {
	if f.mode == "drained" {
		if err := f.drain(ctx); err != nil {
			return err
		}
	}
	return f.end(ctx, f.targets[leaving])
}

// end waits until a target has ended in its own way.
func (f *fleet) end(ctx context.Context, t *proxy) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTime+5*time.Second)
	defer cancel()
	return t.End(ctx)
}

// drain tells the proxy, and waits until it says that the target is empty.
func (f *fleet) drain(ctx context.Context) error {
	if f.admin != "" {
		return f.call(ctx, http.MethodPost, "/targets/"+targetName(leaving)+"/drain?wait=20s", nil)
	}
	if err := f.proxy.Say("remove " + targetName(leaving)); err != nil {
		return err
	}
	_, err := f.proxy.Line(ctx)
	return err
}

// call asks evenkeel's admin API about the group; answer may be nil.
func (f *fleet) call(ctx context.Context, method, path string, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+f.admin+"/v1/groups/"+group+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s answered %s", method, path, resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// allHealthy waits until evenkeel has checked all targets.
func (f *fleet) allHealthy(ctx context.Context) error {
	for f.admin != "" {
		var list struct {
			Targets []struct {
				State string `json:"state"`
			} `json:"targets"`
		}
		if err := f.call(ctx, http.MethodGet, "/targets", &list); err != nil {
			return err
		}
		healthy := 0
		for _, t := range list.Targets {
			if t.State == "healthy" {
				healthy++
			}
		}
		if healthy == len(f.targets) {
			return nil
		}
		pause(ctx, 50*time.Millisecond)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
