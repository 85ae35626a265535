package record

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// Describer says by which requests an operation of the user with that name is
// done again. Secrets in them are $NAMES of capital letters, digits and
// underscores. Nil: it is not known.
type Describer func(op history.Op, user string) []check.Request

// Describing is what a dialect may have besides: requests as people may see
// them, without secrets.
type Describing interface {
	Describe(c engine.Call) []check.Request
}

// Describe asks the dialect for the requests, or watches it make them. Then
// every value of a header, a query and a body that is not the user, the key or
// the token of the call is taken for a secret and replaced by a $NAME.
func Describe(d engine.Dialect) Describer {
	return func(op history.Op, user string) []check.Request {
		if s, ok := d.(engine.Streamer); ok && op.Kind == history.Stream {
			last := uint64(0)
			if op.Connection != nil {
				last = op.Connection.LastEventID
			}
			return []check.Request{masked(s.StreamRequest(last), op.Token, strconv.FormatUint(last, 10))}
		}
		c := engine.Call{Kind: op.Kind, User: user, Key: op.Key, Token: op.Token, Time: (op.Return - op.Call).Round(100 * time.Millisecond)}
		if own, ok := d.(Describing); ok {
			return own.Describe(c)
		}
		return watch(d, op, c)
	}
}

// maxRequests bounds the requests of one operation.
const maxRequests = 4

// watch lets the dialect make the call against nobody.
func watch(d engine.Dialect, op history.Op, c engine.Call) (all []check.Request) {
	known := []string{c.User, c.Key, strconv.FormatInt(c.Time.Milliseconds(), 10)}
	send := func(r engine.Request) engine.Exchange {
		if len(all) < maxRequests {
			all = append(all, masked(r, c.Token, known...))
		}
		return engine.Exchange{Status: http.StatusOK, Header: http.Header{}}
	}
	d.Perform(send, c, &history.Op{User: op.User, Epoch: op.Epoch, Kind: op.Kind, Key: op.Key, Token: op.Token})
	return all
}

// shown are the headers that hold no secrets.
var shown = []string{"Content-Type", "Accept", "Last-Event-Id"}

// masked is a request with its secrets replaced. Values that hold the token,
// and those that are known, are none.
func masked(r engine.Request, token string, known ...string) check.Request {
	m := mask{token, known}
	out := check.Request{Method: r.Method, Path: r.Path}
	if path, query, found := strings.Cut(r.Path, "?"); found {
		out.Path = path + "?" + m.form(query)
	}
	kind := ""
	for _, f := range r.Fields {
		name := http.CanonicalHeaderKey(f.Name)
		if name == "Content-Type" {
			kind = f.Value
		}
		if !slices.Contains(shown, name) {
			f.Value = variable(f.Name)
		}
		out.Headers = append(out.Headers, f.Name+": "+f.Value)
	}
	switch {
	case len(r.Body) == 0:
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		out.Body = m.form(string(r.Body))
	default:
		out.Body = variable("body")
	}
	return out
}

type mask struct {
	token string
	known []string
}

func (m mask) secret(value string) bool {
	plain, err := url.QueryUnescape(value)
	holds := m.token != "" && strings.Contains(plain, m.token)
	return value != "" && (err != nil || !holds && !slices.Contains(m.known, plain))
}

// form masks the values of a query or a form.
func (m mask) form(s string) string {
	pairs := strings.Split(s, "&")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if found && m.secret(value) {
			pairs[i] = name + "=" + variable(name)
		}
	}
	return strings.Join(pairs, "&")
}

var unfit = regexp.MustCompile(`[^A-Z0-9]+`)

// variable is what stands for a secret: $X_EVENKEEL_PROBE.
func variable(name string) string {
	name = strings.Trim(unfit.ReplaceAllString(strings.ToUpper(name), "_"), "_")
	if name == "" || name[0] < 'A' {
		name = "V" + name
	}
	return "$" + cmp.Or(name, "VALUE")
}
