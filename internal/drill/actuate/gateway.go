package actuate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// deregistration takes a target out of a group and puts it back.
type deregistration struct {
	plan.Gateway
	base   *url.URL
	client *http.Client
	env    Env
}

func newGateway(g plan.Gateway, env Env) (*deregistration, error) {
	admin := g.Admin
	if !strings.Contains(admin, "://") {
		admin = "http://" + admin
	}
	base, err := url.Parse(admin)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("gateway: admin %q, allowed: HOST:PORT or a URL of the admin API", g.Admin)
	}
	if base.User != nil {
		return nil, fmt.Errorf("gateway: admin %q must hold no user; give a token", base.Redacted())
	}
	return &deregistration{g, base, &http.Client{
		// A token is for this address alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, env}, nil
}

func (a *deregistration) kind() string { return "gateway deregister" }

// member is a target as the admin API shows it.
type member struct {
	ID          string `json:"id"`
	Address     string `json:"address"`
	State       string `json:"state"`
	Weight      int    `json:"weight"`
	Source      string `json:"source"`
	Incarnation string `json:"incarnation"`
}

func (a *deregistration) check(ctx context.Context) error {
	_, err := a.pick(ctx)
	return err
}

// pick is the target by name, or any healthy one.
func (a *deregistration) pick(ctx context.Context) (member, error) {
	all, err := a.members(ctx)
	if err != nil {
		return member{}, err
	}
	if a.Target != "random" {
		if i := slices.IndexFunc(all, func(m member) bool { return m.ID == a.Target }); i >= 0 {
			return all[i], nil
		}
		return member{}, fmt.Errorf("gateway: group %s has no target %s", a.Group, a.Target)
	}
	all = slices.DeleteFunc(all, func(m member) bool { return m.State != "healthy" })
	if len(all) == 0 {
		return member{}, fmt.Errorf("gateway: group %s has no healthy target", a.Group)
	}
	return all[a.env.Rand.IntN(len(all))], nil
}

func (a *deregistration) members(ctx context.Context) ([]member, error) {
	var answer struct {
		Targets []member `json:"targets"`
	}
	err := a.call(ctx, http.MethodGet, a.path(""), nil, &answer)
	return answer.Targets, err
}

func (a *deregistration) path(target string) string {
	p := "/v1/groups/" + url.PathEscape(a.Group) + "/targets"
	if target != "" {
		p += "/" + url.PathEscape(target)
	}
	return p
}

// drainWait is how long one call waits for a target to become empty.
const drainWait = 20 * time.Second

func (a *deregistration) do(ctx context.Context, s *drill.Scene) error {
	m, err := a.pick(ctx)
	if err != nil {
		return err
	}
	s.Target(m.ID)
	s.Terminating()
	if err := a.takeOut(ctx, m); err != nil {
		// Whatever it was: a target that stays out is no drill's business.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = a.putBack(after, m) // the first error is the one to tell
		return err
	}
	if err := a.putBack(context.WithoutCancel(ctx), m); err != nil {
		return err
	}
	for {
		all, err := a.members(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(n member) bool { return n.ID == m.ID && n.State == "healthy" }) {
			s.Ready()
			return nil
		}
		if err := pause(ctx, a.env.Every/5); err != nil {
			return fmt.Errorf("gateway: target %s is not healthy again: %w", m.ID, err)
		}
	}
}

// takeOut drains the target until it is empty. One that the API has registered
// is deregistered; one of a file or of discovery cannot be.
func (a *deregistration) takeOut(ctx context.Context, m member) error {
	method, path := http.MethodDelete, a.path(m.ID)
	if m.Source != "" && m.Source != "api" {
		method, path = http.MethodPost, path+"/drain"
	}
	for {
		var answer struct {
			Empty bool `json:"empty"`
		}
		err := a.call(ctx, method, path+"?wait="+drainWait.String(), nil, &answer)
		if err != nil || answer.Empty {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (a *deregistration) putBack(ctx context.Context, m member) error {
	return a.call(ctx, http.MethodPut, a.path(m.ID), map[string]any{
		"address": m.Address, "weight": cmp.Or(m.Weight, 1), "incarnation": m.Incarnation,
	}, nil)
}

// call makes one call of the admin API and decodes the answer into v, unless it
// is nil.
func (a *deregistration) call(ctx context.Context, method, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, drainWait+10*time.Second)
	defer cancel()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(a.base.String(), "/")+path, payload)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token.Reveal())
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("gateway: %s %s: %w", method, path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("gateway: %s %s: %s: %s", method, path, resp.Status, tail(string(b[:min(len(b), 500)])))
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("gateway: %s %s: the answer is no JSON of the admin API: %w", method, path, err)
	}
	return nil
}
