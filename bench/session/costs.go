package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/memstore"
	"github.com/evenkeel/evenkeel/session/sqlitestore"
)

// cost is the CPU of this process for one request through a library's
// middleware, without a server around it.
type cost struct {
	Library string         `json:"library"`
	Case    string         `json:"case"`
	AppUS   float64        `json:"app_us"`
	Rounds  measure.Sample `json:"app_us_rounds"`
	// RatioSCS is to scs-mem in the same round.
	RatioSCS measure.Sample `json:"ratio_scs_mem"`
}

// largestSession is the number of attributes of the largest one.
const largestSession = 32

// size of a session. The first attribute is of 16 bytes and is the one that is
// read or set, the others fill the session up.
type size struct {
	name       string
	attributes int
	total      int
}

var sizes = []size{{"1k", 8, 1 << 10}, {"16k", largestSession, 16 << 10}}

// span is how long one case of one candidate runs in a round.
const span = 250 * time.Millisecond

// candidate is a library whose cost is measured.
type candidate struct {
	name  string
	wrap  func(http.Handler) http.Handler // its middleware
	visit func(*http.Request) visit
}

func candidates(dir string) ([]candidate, func() error, error) {
	sqlite, err := sqlitestore.Open(filepath.Join(dir, "costs.db"), sqlitestore.Options{})
	if err != nil {
		return nil, nil, err
	}
	m := scs.New()
	m.Store = scsmem.NewWithCleanupInterval(0)
	list := []candidate{{"scs-mem", m.LoadAndSave, func(r *http.Request) visit { return scsVisit{m, r.Context()} }}}
	for _, s := range []struct {
		name  string
		store session.Store
	}{{"evenkeel-mem", memstore.New(memstore.Options{})}, {"evenkeel-sqlite", sqlite}} {
		m, err := session.New(s.store, evenkeelOptions())
		if err != nil {
			return nil, nil, errors.Join(err, sqlite.Close())
		}
		list = append(list, candidate{s.name, m.Handler, func(r *http.Request) visit { return evenkeelVisit{session.From(r.Context())} }})
	}
	return list, sqlite.Close, nil
}

// handler is the middleware around a call.
func (c candidate) handler(call func(visit) error) http.Handler {
	return c.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := call(c.visit(r)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
}

// job is a request that is made again and again.
type job struct {
	handler http.Handler
	request *http.Request
}

func (c candidate) job(ctx context.Context, z size, write bool) (job, error) {
	fill := strings.Repeat("x", (z.total-16)/(z.attributes-1))
	j := job{handler: c.handler(func(v visit) error {
		err := v.Set(attribute(0), strings.Repeat("0", 16))
		for i := 1; i < z.attributes; i++ {
			err = errors.Join(err, v.Set(attribute(i), fill))
		}
		return err
	})}
	var err error
	if j.request, err = http.NewRequestWithContext(ctx, http.MethodPost, "http://bench/", nil); err != nil {
		return j, err
	}
	w := &sink{header: http.Header{}}
	j.handler.ServeHTTP(w, j.request)
	for _, c := range (&http.Response{Header: w.header}).Cookies() {
		j.request.AddCookie(c)
	}
	n := 0
	j.handler = c.handler(func(v visit) error {
		if write {
			n++
			return v.Set(attribute(0), fmt.Sprintf("%016d", n))
		}
		value, err := v.Value(attribute(0))
		if err == nil && len(value) != 16 {
			err = fmt.Errorf("the attribute has %d bytes, want 16", len(value))
		}
		return err
	})
	return j, w.check()
}

// run makes the request for a while and returns the CPU of each in
// microseconds.
func (j job) run() (float64, error) {
	w := &sink{header: http.Header{}}
	before, err := measure.SelfCPU()
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for end := time.Now().Add(span); time.Now().Before(end); {
		for range 20 {
			clear(w.header)
			j.handler.ServeHTTP(w, j.request)
			if err := w.check(); err != nil {
				return 0, err
			}
			n++
		}
	}
	after, err := measure.SelfCPU()
	return measure.Micros(after-before, n), err
}

// sink is a response writer that keeps the head.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

func (s *sink) check() error {
	if s.status != http.StatusNoContent {
		return fmt.Errorf("answered %d", s.status)
	}
	return nil
}

// costs measures all cases of all candidates in alternated rounds.
func costs(ctx context.Context, dir string, rounds int) (out []cost, err error) {
	list, closeAll, err := candidates(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	for _, write := range []bool{false, true} {
		for _, z := range sizes {
			name := map[bool]string{false: "read-", true: "write-"}[write] + z.name
			jobs := make([]job, len(list))
			for i, c := range list {
				if jobs[i], err = c.job(ctx, z, write); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", c.name, name, err)
				}
			}
			figures := make([][]float64, len(list))
			for range rounds {
				for i, j := range jobs {
					us, err := j.run()
					if err != nil {
						return nil, fmt.Errorf("%s: %s: %w", list[i].name, name, err)
					}
					figures[i] = append(figures[i], us)
				}
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
			for i, c := range list {
				s := measure.Of(figures[i]...)
				out = append(out, cost{c.name, name, s.Median, s, measure.Ratios(figures[i], figures[0])})
			}
		}
	}
	return out, nil
}
