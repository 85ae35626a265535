// Package shop is the demo's application: a small shop where people sign in,
// fill a cart, buy, and look at their account. It is written against the
// interface [Visit], so that the same shop runs on every way of keeping
// sessions that the demo compares.
//
//	handler, err := shop.New(shop.Options{Name: "shop-1", Sessions: sessions, Orders: orders, Secret: secret})
//
// # Guarantees
//
//   - An order that was confirmed is in the account exactly once, however often
//     and at however many replicas its confirmation is sent, and nothing that
//     was in the cart once is bought twice, even if the cart could not be
//     emptied. What is added to the cart meanwhile stays in it.
//   - Carts and sign-ins are exactly as durable as the Sessions given.
//   - Pages need no script and load nothing, and their links are relative, so
//     that the shop can be mounted under any folder.
//
// # Not guaranteed
//
//   - It checks no password and moves no money, and speaks plain http: it is
//     for a machine of one's own.
//   - Sessions that are kept in memory or as blobs never expire.
package shop

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/probe"
)

// Options of a shop. All but Logger must be set.
type Options struct {
	Name     string // of this replica, in the header X-Instance and on each page
	Sessions Sessions
	Orders   *Orders
	Secret   string       // of the probe
	Logger   *slog.Logger // nil is slog.Default()
}

// Bounds of what a browser may send.
const (
	maxBody  = 8 << 10
	bodyTime = 10 * time.Second
	maxName  = 64 // characters
)

// orderTime bounds a confirmation, which goes on when its client goes away.
const orderTime = 5 * time.Second

type shop struct {
	opt Options
	mux http.ServeMux
}

// New returns the shop as one handler: pages, forms and the probe, on the same
// sessions. Its error is the probe's.
func New(opt Options) (http.Handler, error) {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	calls, err := probe.New(opt.Secret, probeCalls(opt.Sessions), probe.Options{Instance: opt.Name, Logger: opt.Logger})
	if err != nil {
		return nil, err
	}
	s := &shop{opt: opt}
	s.mux.HandleFunc("GET /{$}", s.catalogue)
	s.mux.HandleFunc("GET /cart", s.cart)
	s.mux.HandleFunc("GET /account", s.account)
	s.mux.HandleFunc("POST /sign-in", s.signIn)
	s.mux.HandleFunc("POST /sign-out", s.signOut)
	s.mux.HandleFunc("POST /cart", s.add)
	s.mux.HandleFunc("POST /checkout", s.checkout)
	all := http.NewServeMux()
	all.Handle(probePath, calls) // its secret header is beyond what another site can send
	all.Handle("/", http.NewCrossOriginProtection().Handler(&s.mux))
	return named(opt.Name, limited(opt.Sessions.Handler(all))), nil
}

// limited bounds a request's body in bytes and in time.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			// A writer without deadlines is a test's.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		next.ServeHTTP(w, r)
	})
}

// render answers with a page in the visitor's own layout.
func (s *shop) render(w http.ResponseWriter, r *http.Request, title, name string, content func(user string, cart []Line) (any, error)) {
	v := s.opt.Sessions.Visit(r)
	user, err := v.User()
	if err != nil {
		s.fail(w, r, "read the session", err)
		return
	}
	cart, err := v.Cart()
	if err != nil {
		s.fail(w, r, "read the cart", err)
		return
	}
	p := page{Title: title, Known: true, User: user, Count: len(cart)}
	if p.Content, err = content(user, cart); err != nil {
		s.fail(w, r, "read the orders", err)
		return
	}
	if err := p.write(w, http.StatusOK, name); err != nil {
		s.opt.Logger.Error("page failed", "error", err)
	}
}

// fail logs and answers that the session or the orders could not be used.
func (s *shop) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	logFailure(s.opt.Logger, what, err)
	failed(w, r, err)
}

// refuse answers a form that asks for something that cannot be.
func (s *shop) refuse(w http.ResponseWriter, status int, text string) {
	if err := message(w, status, "That did not work", text); err != nil {
		s.opt.Logger.Error("page failed", "error", err)
	}
}

func (s *shop) catalogue(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "Catalogue", "catalogue", func(string, []Line) (any, error) { return stock, nil })
}

func (s *shop) cart(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "Cart", "cart", func(user string, cart []Line) (any, error) {
		return struct {
			Lines       []Line
			Order, User string
		}{cart, newOrderID(), user}, nil
	})
}

func (s *shop) account(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "Account", "account", func(user string, _ []Line) (any, error) {
		var orders []Order
		var err error
		if user != "" {
			orders, err = s.opt.Orders.Of(r.Context(), user)
		}
		return struct {
			User   string
			Orders []Order
		}{user, orders}, err
	})
}

// form reads the body's fields, and answers if it cannot.
func (s *shop) form(w http.ResponseWriter, r *http.Request) bool {
	err := r.ParseForm()
	switch {
	case err == nil:
		return true
	case errors.As(err, new(*http.MaxBytesError)):
		s.refuse(w, http.StatusRequestEntityTooLarge, "That form is too large.")
	default:
		s.refuse(w, http.StatusBadRequest, "That form cannot be read.")
	}
	return false
}

func (s *shop) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	user := strings.TrimSpace(r.PostForm.Get("user"))
	switch {
	case user == "" || !utf8.ValidString(user) || utf8.RuneCountInString(user) > maxName || strings.ContainsFunc(user, unprintable):
		s.refuse(w, http.StatusBadRequest, "Please give a name of 1 to 64 characters.")
	case strings.HasPrefix(user, drillers):
		s.refuse(w, http.StatusBadRequest, "Names that begin with "+drillers+" belong to the drill. Please take another.")
	default:
		s.change(w, r, "sign in", "./", s.opt.Sessions.Visit(r).SignIn(user))
	}
}

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

func (s *shop) signOut(w http.ResponseWriter, r *http.Request) {
	s.change(w, r, "sign out", "./", s.opt.Sessions.Visit(r).SignOut())
}

func (s *shop) add(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	department, item := r.PostForm.Get("department"), r.PostForm.Get("item")
	if !sells(department, item) {
		s.refuse(w, http.StatusBadRequest, "The shop does not sell that.")
		return
	}
	s.change(w, r, "fill the cart", "./#"+department, s.opt.Sessions.Visit(r).Add(department, item))
}

// change answers a form: with the next page, or that it failed.
func (s *shop) change(w http.ResponseWriter, r *http.Request, what, next string, err error) {
	if err != nil {
		s.fail(w, r, what, err)
		return
	}
	w.Header().Set("Location", next) // relative: the shop may be mounted anywhere
	w.WriteHeader(http.StatusSeeOther)
}

// checkout turns the cart into an order. The order's number comes with the
// form, so a confirmation that is sent twice confirms once.
//
// The order is recorded before the cart is emptied. If that fails, the answer
// says so, and the lines, which stay in the cart, can neither be bought again
// nor take along what was added since.
func (s *shop) checkout(w http.ResponseWriter, r *http.Request) {
	if !s.form(w, r) {
		return
	}
	v := s.opt.Sessions.Visit(r)
	user, err := v.User()
	if err != nil {
		s.fail(w, r, "read the session", err)
		return
	}
	if user == "" {
		s.refuse(w, http.StatusForbidden, "You are not signed in. Sign in, then buy.")
		return
	}
	cart, err := v.Cart()
	if err != nil {
		s.fail(w, r, "read the cart", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), orderTime)
	defer cancel()
	sold, err := s.opt.Orders.Confirm(ctx, r.PostForm.Get("order"), user, cart)
	if errors.Is(err, ErrOrder) {
		s.refuse(w, http.StatusBadRequest, "There is nothing to buy: the cart is empty, or the form is an old one.")
		return
	}
	if err == nil {
		err = v.Remove(sold)
	}
	s.change(w, r, "confirm the order", "account", err)
}
