package actuate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

// sentinel asks a Redis Sentinel for a failover.
type sentinel struct {
	addresses      []string
	user, password string
	master         string
	env            Env
}

// newSentinel reads HOST:PORT, several with commas, each of which may be
// redis://USER:PASSWORD@HOST:PORT.
func newSentinel(r plan.Redis, env Env) (*sentinel, error) {
	a := &sentinel{master: r.Master, env: env}
	for one := range strings.SplitSeq(r.Sentinel, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "redis://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "redis" || u.Hostname() == "" {
			return nil, errors.New("redis: sentinel must be HOST:PORT, or redis://USER:PASSWORD@HOST:PORT")
		}
		port := u.Port()
		if port == "" {
			port = "26379"
		}
		a.addresses = append(a.addresses, net.JoinHostPort(u.Hostname(), port))
		if u.User != nil {
			a.user = u.User.Username()
			a.password, _ = u.User.Password()
		}
	}
	return a, nil
}

func (a *sentinel) kind() string { return "redis failover" }

func (a *sentinel) check(ctx context.Context) error {
	_, err := a.at(ctx)
	return err
}

// do asks for the failover and waits for the new master.
func (a *sentinel) do(ctx context.Context, s *drill.Scene) error {
	old, err := a.at(ctx)
	if err != nil {
		return err
	}
	s.Target(old)
	if err := a.ask(ctx); err != nil {
		return err
	}
	s.Terminating()
	for {
		// One that does not answer now may at the next look.
		if now, err := a.at(ctx); err == nil && now != old {
			s.Ready()
			break
		}
		if err := pause(ctx, a.env.Every/5); err != nil {
			return fmt.Errorf("redis: %s is still the master of %s: %w", old, a.master, err)
		}
	}
	for !a.over(ctx, old) {
		if err := pause(ctx, a.env.Every/5); err != nil {
			return fmt.Errorf("redis: the failover of %s does not end: %w", a.master, err)
		}
	}
	return nil
}

// ask starts the failover, again and again while the Sentinel says that another
// one has just been.
func (a *sentinel) ask(ctx context.Context) error {
	for {
		_, err := a.call(ctx, "SENTINEL", "FAILOVER", a.master)
		if err == nil || !strings.HasPrefix(err.Error(), "INPROG") {
			if err != nil {
				err = fmt.Errorf("redis: SENTINEL FAILOVER %s: %w", a.master, err)
			}
			return err
		}
		if err := pause(ctx, a.env.Every); err != nil {
			return fmt.Errorf("redis: another failover of %s is in progress: %w", a.master, err)
		}
	}
}

// at is where the Sentinel says that the master is.
func (a *sentinel) at(ctx context.Context) (string, error) {
	v, err := a.call(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", a.master)
	if err != nil {
		return "", fmt.Errorf("redis: sentinel %s: %w", a.addresses[0], err)
	}
	pair, _ := v.([]any)
	if len(pair) != 2 {
		return "", fmt.Errorf("redis: sentinel %s knows no master %s", a.addresses[0], a.master)
	}
	return net.JoinHostPort(fmt.Sprint(pair[0]), fmt.Sprint(pair[1])), nil
}

// over tells whether all Sentinels that can be reached, and at least one, name
// another master than the old one, with no failover under way. One that still
// knows the old one may make it the master again for a moment.
func (a *sentinel) over(ctx context.Context, old string) bool {
	agreed := 0
	for _, address := range a.addresses {
		v, err := a.one(ctx, address, "SENTINEL", "MASTER", a.master)
		if err != nil {
			continue
		}
		m := map[any]any{}
		fields, _ := v.([]any)
		for pair := range slices.Chunk(fields[:len(fields)/2*2], 2) {
			m[pair[0]] = pair[1]
		}
		if m["flags"] != "master" || net.JoinHostPort(fmt.Sprint(m["ip"]), fmt.Sprint(m["port"])) == old {
			return false
		}
		agreed++
	}
	return agreed > 0
}

// callTime bounds one call.
const callTime = 3 * time.Second

// call asks the first Sentinel that can be reached, which is the first of all
// from then on: what follows a failover is for the one that makes it. An error
// that it answers begins with its own word, such as INPROG.
func (a *sentinel) call(ctx context.Context, args ...string) (v any, err error) {
	for i, address := range a.addresses {
		var unreachable *net.OpError
		if v, err = a.one(ctx, address, args...); !errors.As(err, &unreachable) {
			a.addresses[0], a.addresses[i] = a.addresses[i], a.addresses[0]
			return v, err
		}
	}
	return nil, err
}

// one asks the Sentinel at that address.
func (a *sentinel) one(ctx context.Context, address string, args ...string) (any, error) {
	c, err := dialRESP(ctx, address, callTime)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if a.password != "" {
		auth := []string{"AUTH", a.password}
		if a.user != "" {
			auth = []string{"AUTH", a.user, a.password}
		}
		if _, err := c.do(auth...); err != nil {
			return nil, err
		}
	}
	return c.do(args...)
}
