package probe

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// MinSecret is the length in bytes that a secret has at least.
const MinSecret = 24

// Prefix of every principal that a probe signs in.
const principalPrefix = "drill:"

// Limits of what a drill may send.
const (
	maxUser  = 64 // bytes of u
	maxKey   = 64
	maxToken = 256
	maxForm  = 8 << 10 // bytes of a form in the body
)

// ErrSecret is returned by New for a secret shorter than MinSecret.
var ErrSecret = fmt.Errorf("probe: the secret must have at least %d bytes", MinSecret)

// ErrAnonymous is returned by a function of Calls whose request turns out to
// have no session, for instance because it was signed out meanwhile. The call
// answers 401.
var ErrAnonymous = errors.New("probe: no session")

// Calls is what an application offers to a drill, each on the session of the
// request r. A nil function is a call that is not offered; Principal must be
// there. The functions are called concurrently, also for one session: that is
// the point. They may set headers of w and must not write to it. A returned
// nil means done and stored, or staged for a commit that happens before the
// first byte of the answer and replaces the answer if it fails.
type Calls struct {
	// Principal tells whose session the request has, "" if nobody's.
	Principal func(w http.ResponseWriter, r *http.Request) (string, error)
	// SignIn starts a session of principal, with a new session ID.
	SignIn func(w http.ResponseWriter, r *http.Request, principal string) error
	// SignOut ends the session.
	SignOut func(w http.ResponseWriter, r *http.Request) error
	// Renew gives the session a new ID and keeps what is in it.
	Renew func(w http.ResponseWriter, r *http.Request) error
	// Append adds token to the list in the attribute key. A drill uses eight
	// keys, and never two requests at once for the same.
	Append func(w http.ResponseWriter, r *http.Request, key, token string) error
	// State reads the session.
	State func(w http.ResponseWriter, r *http.Request) (State, error)
	// Increment takes the next number of the session's counter, from 1.
	Increment func(w http.ResponseWriter, r *http.Request) (int64, error)
	// Done is closed when the session of r has ended, so that its streams end
	// too. Without it they end with the request's context.
	Done func(r *http.Request) <-chan struct{}
}

// State is what a session holds for a drill.
type State struct {
	Tokens []string // of all keys, in any order
	N      int64    // the last number taken, 0 if none
}

// Options of a probe; the zero value is usable.
type Options struct {
	// Prefix of the paths, "" is /probe. Requests must arrive with it.
	Prefix string
	// Header that carries the secret, "" is X-Evenkeel-Probe.
	Header string
	// Instance names this instance of the application in answers, in "i" and
	// in the header X-Instance. "" names none.
	Instance string
	// MaxSlow bounds the slow call, 0 is 30 s; longer ones answer 400.
	MaxSlow time.Duration
	// Logger gets a warning from New and the errors of Calls, nil is
	// slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Prefix = "/" + strings.Trim(cmp.Or(o.Prefix, "/probe"), "/")
	o.Header = cmp.Or(o.Header, "X-Evenkeel-Probe")
	o.MaxSlow = cmp.Or(o.MaxSlow, 30*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// Handler answers a drill. It is safe for concurrent use.
type Handler struct {
	calls  Calls
	opt    Options
	secret [sha256.Size]byte
	mux    http.ServeMux
}

// New gives the handler for calls that whoever knows secret may make. It logs
// a warning. The error is ErrSecret, or says what is missing.
func New(secret string, calls Calls, opt Options) (*Handler, error) {
	if len(secret) < MinSecret {
		return nil, ErrSecret
	}
	if calls.Principal == nil {
		return nil, errors.New("probe: Calls.Principal is nil")
	}
	if opt.MaxSlow < 0 {
		return nil, fmt.Errorf("probe: Options.MaxSlow is %v, must not be negative", opt.MaxSlow)
	}
	h := &Handler{calls: calls, opt: opt.withDefaults(), secret: sha256.Sum256([]byte(secret))}
	if strings.ContainsAny(h.opt.Prefix, "{} ") {
		return nil, fmt.Errorf("probe: Options.Prefix %q must be a plain path", h.opt.Prefix)
	}
	h.route("POST", "login", h.login, calls.SignIn != nil)
	h.route("POST", "append", h.signedIn(h.append), calls.Append != nil)
	h.route("GET", "state", h.signedIn(h.state), calls.State != nil)
	h.route("POST", "incr", h.signedIn(h.increment), calls.Increment != nil)
	h.route("POST", "rotate", h.signedIn(h.rotate), calls.Renew != nil)
	h.route("POST", "logout", h.logout, calls.SignOut != nil)
	h.route("GET", "slow", h.slow, true)
	h.route("GET", "stream", h.signedIn(h.stream), true)
	h.opt.Logger.Warn("probe is on: drill users can sign in without a password", "prefix", h.opt.Prefix)
	return h, nil
}

// route registers a call that is offered; others fall to the mux's 404.
func (h *Handler) route(method, name string, f http.HandlerFunc, offered bool) {
	if offered {
		h.mux.HandleFunc(method+" "+h.opt.Prefix+"/"+name, f)
	}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := r.Header.Get(h.opt.Header)
	if given == "" {
		http.NotFound(w, r)
		return
	}
	// Hashes have one length, so the time tells nothing about the secret's.
	if sum := sha256.Sum256([]byte(given)); subtle.ConstantTimeCompare(sum[:], h.secret[:]) != 1 {
		http.Error(w, "wrong probe secret", http.StatusForbidden)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if h.opt.Instance != "" {
		w.Header().Set("X-Instance", h.opt.Instance)
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// user is the drill user whose session the request has; "" for nobody and for
// everybody who is not a drill user.
func (h *Handler) user(w http.ResponseWriter, r *http.Request) (user string, foreign bool, err error) {
	principal, err := h.calls.Principal(w, r)
	if err != nil && !errors.Is(err, ErrAnonymous) {
		return "", false, err
	}
	if err != nil || principal == "" {
		return "", false, nil
	}
	user, ok := strings.CutPrefix(principal, principalPrefix)
	if !ok {
		return "", true, nil
	}
	return user, false, nil
}

// fail answers for an error of Calls.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrAnonymous) {
		answer(w, http.StatusUnauthorized, struct{}{})
		return
	}
	h.opt.Logger.ErrorContext(r.Context(), "probe call failed", "path", r.URL.Path, "error", err)
	answer(w, http.StatusInternalServerError, struct{}{})
}

// answer writes v, which marshals, as JSON. An error in writing means that the
// client is gone or that the commit failed and replaced the answer: nothing is
// left to say in either case.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("probe: marshal an answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
