package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/probe"
	"github.com/evenkeel/evenkeel/session"
)

// Environment is the variable in which a replica finds its configuration. It
// holds the probe's secret, which an argument would show to everybody.
const Environment = "EVENKEEL_DEMO_REPLICA"

// ErrNotConfigured says that there is no configuration, or one that cannot be.
var ErrNotConfigured = errors.New("a replica is started by `evenkeel demo`, which configures it in " + Environment)

// Config is what a replica is told, as JSON. All but Address, Store and Drained
// must be set, and Store unless the sessions are in memory.
type Config struct {
	Name     string `json:"name"`
	Address  string `json:"address"`  // to listen on; "" is the listener handed down as Descriptor
	Sessions string `json:"sessions"` // memory, blob or library
	Store    string `json:"store"`    // file of the sessions, or the URL of Redis servers
	Orders   string `json:"orders"`   // file of the shop's own database
	Cookie   string `json:"cookie"`
	Secret   string `json:"secret"`  // of the probe
	Drained  bool   `json:"drained"` // leaves gracefully; otherwise it just ends
}

// parseConfig reads a configuration strictly.
func parseConfig(raw string) (cfg Config, err error) {
	if raw == "" {
		return cfg, ErrNotConfigured
	}
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&cfg); err != nil {
		return cfg, fmt.Errorf("%w: %w", ErrNotConfigured, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return cfg, fmt.Errorf("%w: more than one value", ErrNotConfigured)
	}
	return cfg, cfg.check()
}

func (cfg Config) check() error {
	for name, value := range map[string]string{"name": cfg.Name, "orders": cfg.Orders, "cookie": cfg.Cookie} {
		if value == "" {
			return fmt.Errorf("%w: no %s", ErrNotConfigured, name)
		}
	}
	if cfg.Store == "" && cfg.Sessions != "memory" {
		return fmt.Errorf("%w: no store", ErrNotConfigured)
	}
	if len(cfg.Secret) < probe.MinSecret {
		return fmt.Errorf("%w: %w", ErrNotConfigured, probe.ErrSecret)
	}
	return nil
}

// Descriptor is the number of the file that a replica without an address
// listens on: its parent has opened it, so no other process can take its port
// between choosing and using it.
const Descriptor = 3

// ReadyPath answers 200 while a replica wants traffic.
const ReadyPath = "/readyz"

// budget is a replica's way out.
var budget = drain.Budget{Withdraw: time.Second, Requests: 5 * time.Second, Streams: 5 * time.Second, Flush: time.Second}

// RunReplica serves the shop as the environment says, until ctx ends. Then a
// drained replica finishes what it has begun, and the error is a
// *drain.CutError if that was not possible; any other just ends.
func RunReplica(ctx context.Context) error {
	cfg, err := parseConfig(os.Getenv(Environment))
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})).With("replica", cfg.Name)
	sessions, err := cfg.open(ctx, logger)
	if err != nil {
		return err
	}
	orders, err := OpenOrders(ctx, cfg.Orders)
	if err != nil {
		return errors.Join(err, sessions.Close())
	}
	err = cfg.run(ctx, sessions, orders, logger)
	return errors.Join(err, sessions.Close(), orders.Close())
}

func (cfg Config) open(ctx context.Context, logger *slog.Logger) (Sessions, error) {
	switch cfg.Sessions {
	case "memory":
		return NewMemory(cfg.Cookie), nil
	case "blob":
		return NewBlob(ctx, cfg.Cookie, cfg.Store, logger)
	case "library":
		return NewLibrary(cfg.Cookie, cfg.Store, logger)
	default:
		return nil, fmt.Errorf("%w: sessions %q", ErrNotConfigured, cfg.Sessions)
	}
}

// CheckStore opens the store that such sessions would be kept in, asks it
// something, and closes it again.
func CheckStore(ctx context.Context, sessions, at string) error {
	if IsRedis(at) {
		return checkRedis(ctx, at)
	}
	s, err := Config{Sessions: sessions, Store: at, Cookie: "check"}.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return s.Close()
}

func checkRedis(ctx context.Context, url string) error {
	s, err := openStore(url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err = s.Load(ctx, "AAAAAAAAAAAAAAAA", session.LoadOptions{Fresh: true})
	if errors.Is(err, session.ErrNotFound) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

func (cfg Config) run(ctx context.Context, sessions Sessions, orders *Orders, logger *slog.Logger) error {
	shop, err := New(Options{Name: cfg.Name, Sessions: sessions, Orders: orders, Secret: cfg.Secret, Logger: logger})
	if err != nil {
		return err
	}
	l, err := cfg.listen(ctx)
	if err != nil {
		return err
	}
	srv := &http.Server{
		MaxHeaderBytes:    64 << 10,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 90 * time.Second, // a body's time: see New
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	handler := measured(sessions, shop)
	if cfg.Drained {
		return runDrained(ctx, srv, l, handler, logger)
	}
	return runAbrupt(ctx, srv, l, handler)
}

// measured answers GET /metrics for Prometheus, where the sessions are counted,
// and everything else with shop.
func measured(sessions Sessions, shop http.Handler) http.Handler {
	counted, ok := sessions.(interface{ Metrics() http.Handler })
	if !ok {
		return shop
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", counted.Metrics())
	mux.Handle("/", shop)
	return mux
}

func (cfg Config) listen(ctx context.Context) (net.Listener, error) {
	if cfg.Address != "" {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Address)
	}
	f := os.NewFile(Descriptor, "listener")
	if f == nil {
		return nil, fmt.Errorf("%w: no address and no listener", ErrNotConfigured)
	}
	l, err := net.FileListener(f)
	if err != nil {
		err = fmt.Errorf("%w: no address, and descriptor %d is no listener: %w", ErrNotConfigured, Descriptor, err)
	}
	return l, errors.Join(err, f.Close())
}

// runDrained leaves through the drain library.
func runDrained(ctx context.Context, srv *http.Server, l net.Listener, shop http.Handler, logger *slog.Logger) error {
	// The end of ctx is the signal. With signals of its own the drainer would
	// take one SIGTERM for two, and be brief.
	drainer, err := drain.New(drain.Options{Budget: budget, Signals: []os.Signal{}, Logger: logger})
	if err != nil {
		return err
	}
	srv.Handler = drainer.Handler(ready(drainer.Ready(), shop))
	drainer.Listen(srv, l)
	_, err = drainer.Run(ctx, srv)
	return err
}

// runAbrupt ends at once, as a process does that knows nothing of leaving.
func runAbrupt(ctx context.Context, srv *http.Server, l net.Listener, shop http.Handler) error {
	always := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ready\n") })
	srv.Handler = ready(always, shop)
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })() // Serve has the news
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ready answers at ReadyPath, and shop elsewhere.
func ready(answer, shop http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+ReadyPath, answer)
	mux.Handle("/", shop)
	return mux
}
