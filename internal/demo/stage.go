package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/demo/shop"
	"github.com/evenkeel/evenkeel/internal/drill/fleet"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/gateway/health"
	"github.com/evenkeel/evenkeel/internal/target"
)

// deregistrationDelay bounds how long a replica that leaves may finish.
const deregistrationDelay = 10 * time.Second

// stage is what the users of one phase meet: the shop's replicas behind the
// gateway, on one address.
type stage struct {
	address  string
	secret   string
	replicas *replicas

	stop    context.CancelFunc
	gateway chan error
	fleet   *fleet.Fleet
}

// openStage starts the gateway on l, which it takes over, and the first
// replicas.
func (d *demo) openStage(ctx context.Context, s Strategy, l net.Listener, store string) (*stage, error) {
	opt := gateway.GroupOptions{
		Name: group, Routes: []string{"/"},
		Health:              health.Options{Path: shop.ReadyPath, Interval: time.Second, Timeout: 5 * time.Second},
		DeregistrationDelay: deregistrationDelay,
	}
	if s.Sticky && s.Drained {
		opt.OnDraining = target.Finish
	}
	if s.Sticky {
		opt.Affinity = gateway.AffinityOptions{Mode: gateway.AffinityCookie, Cookie: d.cookie(l) + "-replica"}
	}
	gw, err := gateway.New(gateway.Options{
		Groups:  []gateway.GroupOptions{opt},
		Traffic: gateway.TrafficOptions{Listener: l},
		Log:     d.logger, ShutdownTimeout: -1,
	})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	st := &stage{address: l.Addr().String(), secret: rand.Text(), gateway: make(chan error, 1), fleet: fleet.New(fleet.Options{Ready: startWait})}
	// The users come to rest after ctx has ended; close ends the gateway.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	st.stop = stop
	go func() { st.gateway <- gw.Run(serving) }()
	st.replicas = &replicas{
		gw: gw, fleet: st.fleet, strategy: s, served: map[string]int{},
		rand: mrand.New(mrand.NewPCG(d.opt.Seed, 1)),
		config: shop.Config{
			Sessions: string(s.Sessions), Store: store, Orders: filepath.Join(d.dir, "orders.db"),
			Cookie: d.cookie(l), Secret: st.secret, Drained: s.Drained,
		},
	}
	if err := each(make([]*replica, atFirst), func(*replica) error { _, err := st.replicas.start(ctx); return err }); err != nil {
		return nil, errors.Join(oneLine(err), st.close())
	}
	return st, nil
}

// cookie names the session cookie after the port that people see: cookies of
// one host are shared by its ports.
func (d *demo) cookie(l net.Listener) string {
	if d.page != nil {
		l = d.page.listener
	}
	return fmt.Sprint("shop-", l.Addr().(*net.TCPAddr).Port)
}

// oneLine is an error of several replicas, which is about the same for all, as
// one line of bounded length.
func oneLine(err error) error {
	return errors.New(screen.Clip(strings.Join(strings.Fields(err.Error()), " "), 400))
}

// close ends the gateway and every replica, and waits for both.
func (st *stage) close() error {
	st.stop()
	err := <-st.gateway
	if err != nil {
		err = fmt.Errorf("gateway: %w", err)
	}
	return errors.Join(err, st.fleet.Close())
}
