package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/metrics"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

// library keeps sessions with the session package: outside the replica, each
// request changing only what it touched.
type library struct {
	manager *session.Manager
	store   store
}

// store is a session store that the library opened.
type store interface {
	session.Store
	Close() error
}

// IsRedis tells whether a store is the URL of Redis servers, and not a file.
func IsRedis(store string) bool { return strings.Contains(store, "://") }

// openStore opens the store at a path or a URL.
func openStore(at string, logger *slog.Logger) (store, error) {
	if IsRedis(at) {
		return redisstore.New(at, redisstore.Options{Service: "demo", Logger: logger})
	}
	return sqlitestore.Open(at, sqlitestore.Options{})
}

// entry is a line in its department's part of the cart.
type entry struct {
	ID   string `json:"id"`
	Item string `json:"item"`
}

// The attributes of a session: a set per department, changed in the store, and
// a counter.
var (
	carts   = cartSets()
	tickets = session.NewCounter("tickets")
)

// cartSets has a department's set where the stock has the department.
func cartSets() []*session.Set[entry] {
	sets := make([]*session.Set[entry], len(stock))
	for i, d := range stock {
		sets[i] = session.NewSet[entry]("cart-" + d.Name)
	}
	return sets
}

func attributes() []session.Named {
	all := []session.Named{tickets}
	for _, set := range carts {
		all = append(all, set)
	}
	return all
}

// storeBudget bounds a store call: the demo's machine may be busy, and its
// store may be a file that several processes write to.
const storeBudget = 2 * time.Second

// NewLibrary keeps sessions in the SQLite file or the Redis servers at a path or URL.
func NewLibrary(cookie, at string, logger *slog.Logger) (Sessions, error) {
	store, err := openStore(at, logger)
	if err != nil {
		return nil, err
	}
	manager, err := session.New(store, session.Options{
		Cookie:     session.CookieOptions{Name: cookie, InsecureCookie: true},
		Budget:     storeBudget,
		MaxStarts:  -1, // the drill is welcome
		Attributes: attributes(),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			err = told(err)
			logFailure(logger, "commit the session", err)
			failed(w, r, err)
		},
		Logger: logger,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &library{manager: manager, store: store}, nil
}

// told is the library's error in the shop's words.
func told(err error) error {
	switch session.Status(err) {
	case http.StatusConflict:
		return fmt.Errorf("%w: %w", ErrEnded, err)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

func (l *library) Handler(next http.Handler) http.Handler { return l.manager.Handler(next) }

func (l *library) Visit(r *http.Request) Visit { return libraryVisit{session.From(r.Context())} }

func (l *library) Close() error { return l.store.Close() }

// Metrics shows what the library has counted.
func (l *library) Metrics() http.Handler {
	if redis, ok := l.store.(*redisstore.Store); ok {
		return metrics.Handler(metrics.Session(l.manager.Stats), metrics.Redis(redis.Stats))
	}
	return metrics.Handler(metrics.Session(l.manager.Stats))
}

type libraryVisit struct{ s *session.Session }

func (v libraryVisit) User() (string, error) {
	if err := v.s.Load(); err != nil {
		return "", told(err)
	}
	return v.s.Principal(), nil
}

func (v libraryVisit) SignIn(user string) error { return told(v.s.SignIn(user)) }
func (v libraryVisit) SignOut() error           { return told(v.s.SignOut()) }
func (v libraryVisit) Renew() error             { return told(v.s.Renew()) }

func (v libraryVisit) Add(department, item string) error {
	l := newLine(department, item)
	return told(carts[shelf(department)].Add(v.s, entry{l.ID, l.Item}))
}

func (v libraryVisit) Cart() ([]Line, error) {
	var lines []Line
	for i, set := range carts {
		entries, err := set.Values(v.s)
		if err != nil {
			return nil, told(err)
		}
		for _, e := range entries {
			lines = append(lines, Line{e.ID, stock[i].Name, e.Item})
		}
	}
	return lines, nil
}

func (v libraryVisit) Remove(lines []Line) error {
	removed := make([][]entry, len(stock))
	for _, l := range lines {
		i := shelf(l.Department)
		removed[i] = append(removed[i], entry{l.ID, l.Item})
	}
	for i, entries := range removed {
		if err := carts[i].Remove(v.s, entries...); err != nil {
			return told(err)
		}
	}
	return nil
}

func (v libraryVisit) Ticket(ctx context.Context) (int64, error) {
	n, err := tickets.Add(ctx, v.s, 1)
	return n, told(err)
}

func (v libraryVisit) Tickets() (int64, error) {
	n, err := tickets.Value(v.s)
	return n, told(err)
}

func (v libraryVisit) Done() <-chan struct{} { return v.s.Done() }
