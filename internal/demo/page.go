package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/ui"
)

// page is the server that a person's browser talks to: the page itself, and the
// shop through the gateway of the phase under way.
type page struct {
	listener net.Listener
	answered atomic.Pointer[string] // the replica that answered the person last
}

// last is the replica that answered the person last; "" is none yet.
func (p *page) last() string {
	if name := p.answered.Load(); name != nil {
		return *name
	}
	return ""
}

// openPage serves the page until the function that it returns is called.
func (d *demo) openPage(ctx context.Context) (stop func() error, err error) {
	if d.opt.Page == "off" {
		return func() error { return nil }, nil
	}
	l, err := d.opt.listen(ctx)
	if err != nil {
		return nil, err
	}
	d.page = &page{listener: l}
	p := ui.New(d, http.HandlerFunc(d.serveShop), ui.Options{Logger: d.logger})
	ctx, cancel := context.WithCancel(ctx)
	srv := &http.Server{
		Handler: p.Handler(), MaxHeaderBytes: 64 << 10, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
	}
	var work sync.WaitGroup
	errs := make([]error, 2)
	work.Go(func() { errs[0] = p.Run(ctx) })
	work.Go(func() { errs[1] = srv.Serve(l) })
	return func() error {
		cancel()
		err := srv.Close()
		work.Wait()
		for i, e := range errs {
			if errors.Is(e, http.ErrServerClosed) || errors.Is(e, context.Canceled) {
				errs[i] = nil
			}
		}
		return errors.Join(err, errs[0], errs[1])
	}, nil
}

// address is where a person can shop and watch; "" is nowhere.
func (d *demo) address() string {
	if d.page == nil {
		return ""
	}
	a, ok := d.page.listener.Addr().(*net.TCPAddr)
	if ok && a.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", a.Port)
	}
	return "http://" + d.page.listener.Addr().String()
}

// serveShop passes a person's request on to the gateway of the phase under way.
func (d *demo) serveShop(w http.ResponseWriter, r *http.Request) {
	if now := d.current(); now != nil {
		if st, _ := now.get(); st != nil {
			st.replicas.gw.ServeHTTP(w, inside(r))
			if name := w.Header().Get("X-Instance"); name != "" {
				d.page.answered.Store(&name)
			}
			return
		}
	}
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Refresh", "1")
	http.Error(w, "The shop is opening…", http.StatusServiceUnavailable)
}

// shopPath is where the page has the shop.
const shopPath = "/shop"

// inside is r as the shop is to see it, which knows nothing of shopPath.
func inside(r *http.Request) *http.Request {
	in, u := *r, *r.URL
	u.Path, u.RawPath = strings.TrimPrefix(u.Path, shopPath), strings.TrimPrefix(u.RawPath, shopPath)
	in.URL, in.RequestURI = &u, strings.TrimPrefix(r.RequestURI, shopPath)
	return &in
}

// Do implements ui.Source. A kill is for the replica that answered the person
// last: its loss is what they can feel.
func (d *demo) Do(action string) (int, error) {
	now := d.current()
	if now == nil {
		return 0, errors.New("the shop is opening")
	}
	st, run := now.get()
	if run == nil {
		return 0, errors.New("the shop is opening")
	}
	if p := run.Progress().Load.Phase; p == engine.Settling || p == engine.Ended {
		return 0, errors.New("the run is ending")
	}
	if err := st.replicas.allowed(action); err != nil {
		return len(now.asked), err
	}
	select {
	case now.asked <- st.replicas.action(action, d.page.last()):
		return len(now.asked), nil
	default:
		return len(now.asked), ui.ErrBusy
	}
}

// Switch implements ui.Source.
func (d *demo) Switch(name string) error {
	s, err := StrategyNamed(name)
	if err != nil {
		return fmt.Errorf("strategy %q: %w", name, ui.ErrUnknown)
	}
	if !d.choose(s) {
		return errors.New("one moment, the shop is closing")
	}
	return nil
}

// State implements ui.Source.
func (d *demo) State() ui.State {
	s := ui.State{Strategies: strategies(), Queue: ui.Queue{Bound: queued}}
	now := d.current()
	if now == nil {
		s.Phase, s.Verdict, s.Good = ui.Starting, "The shop is opening.", true
		return s
	}
	s.Strategy = described(now.phase.strategy)
	s.Run, s.Length, s.Phase = now.number, ui.Seconds(now.phase.length), ui.Starting
	s.Queue.Length = len(now.asked)
	s.Verdict, s.Good = "The shop is opening.", true
	st, run := now.get()
	if run == nil {
		return s
	}
	progress := run.Progress()
	v := d.view(now, st, progress)
	s.Phase, s.Elapsed = phaseOf(progress.Load.Phase), ui.Seconds(v.elapsed)
	s.Verdict, s.Note = strings.ToUpper(v.verdict()[:1])+v.verdict()[1:]+".", v.late
	p50, p99 := now.times.percentiles()
	s.Figures = ui.Figures{
		Users: v.users, SignedIn: v.signedIn, Sent: v.sent, Lost: v.lost, Undone: v.undone,
		Failed: v.failed, AtKills: v.atKills,
		P50: ui.Millis(p50), P99: ui.Millis(p99),
	}
	s.Good = v.good()
	s.Replicas, s.Events = st.replicas.states(), now.events.states()
	s.Shop.Instance = d.page.last()
	return s
}

func strategies() []ui.Strategy {
	var all []ui.Strategy
	for _, s := range Strategies {
		all = append(all, described(s))
	}
	return all
}

func described(s Strategy) ui.Strategy {
	return ui.Strategy{Name: s.Name, Sentence: s.Does, Loses: s.Loses}
}

func phaseOf(p engine.Phase) ui.Phase {
	switch p {
	case engine.Waiting:
		return ui.Starting
	case engine.Control:
		return ui.Control
	case engine.Settling:
		return ui.Settling
	case engine.Ended:
		return ui.Ended
	default:
		return ui.Running
	}
}
