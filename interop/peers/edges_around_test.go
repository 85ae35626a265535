package peers

import (
	"net/http"
	"time"
)

// Other handlers around and within the middleware.
var aroundEdges = []scenario{
	{
		edge: "http.TimeoutHandler outside, and Set after its 503",
		run: func(t *trial) {
			l := newLate()
			app := l.announce(t.wrap(t.app(l.routes())))
			l.run(t, func(d time.Duration) http.Handler { return http.TimeoutHandler(app, d, "too late") })
		},
		lost: map[string]string{
			"gorilla":  "a write happens after its 503",
			"careless": "a write happens after its 503",
		},
	},
	{
		edge: "http.TimeoutHandler inside, and Set after its 503",
		run: func(t *trial) {
			l := newLate()
			app := l.announce(t.app(l.routes()))
			l.run(t, func(d time.Duration) http.Handler { return t.wrap(http.TimeoutHandler(app, d, "too late")) })
			t.lostIf(!l.told, "the write is lost and nobody told")
		},
		lost: map[string]string{
			"scs":      "the write is lost and nobody told",
			"gorilla":  "a write happens after its 503; the write is lost and nobody told",
			"careless": "no cookie is sent; the write is lost and nobody told",
		},
	},
	{
		edge: "two managers, nested",
		run: func(t *trial) {
			inner := t.lib.open(t, "admin")
			mux := http.NewServeMux()
			mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
				v, i := t.visit(w, r), inner.visit(w, r)
				if v.Set("k", "user") != nil || i.Set("k", "admin") != nil || v.Save() != nil {
					return
				}
				answer(w, "ok", nil, i.Save)
			})
			mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
				v, err1 := t.visit(w, r).Value("k")
				i, err2 := inner.visit(w, r).Value("k")
				t.ok(err1)
				answer(w, v+" "+i, err2, nil)
			})
			b := t.serve(t.wrap(inner.wrap(mux)), nil)
			t.lostIf(len(b.get("/set").cookies) != 2, "a cookie each")
			t.lostIf(b.get("/get").body != "user admin", "a session each")
		},
		lost: map[string]string{"careless": "a session each"},
	},
	{
		edge: "two managers, nested: the outer commit fails after the inner sign-in",
		run: func(t *trial) {
			inner := t.lib.open(t, "admin")
			mux := http.NewServeMux()
			mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
				i := inner.visit(w, r)
				answer(w, "ok", i.Set("k", "cart"), i.Save)
			})
			mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
				v, i := t.visit(w, r), inner.visit(w, r)
				err := i.SignIn("alice")
				if err == nil {
					err = i.Save()
				}
				if err == nil {
					err = v.Set("k", "user")
				}
				t.store.Fail(true)
				answer(w, "ok", err, v.Save)
			})
			mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
				value, err := inner.visit(w, r).Value("k")
				answer(w, value, err, nil)
			})
			b := t.serve(t.wrap(inner.wrap(mux)), nil)
			b.must("/set")
			t.lostIf(b.get("/login").code < 500, "the error")
			t.store.Fail(false)
			t.lostIf(b.get("/get").body != "cart", "the browser has no session any more")
		},
		lost: map[string]string{"careless": "the browser has no session any more"},
	},
	{
		edge: "the same manager twice",
		run: func(t *trial) {
			b := t.serve(t.wrap(t.wrap(t.app(nil))), nil)
			got := b.get("/set?k=k&v=kept")
			t.lostIf(len(got.cookies) > 1, "the cookie is sent twice")
			t.arrives(b, got, "k", "kept")
		},
		lost: map[string]string{"scs": "the cookie is sent twice", "careless": "the cookie is sent twice; the write is lost"},
	},
}

// late is a handler that goes on when http.TimeoutHandler has answered for it.
type late struct {
	timedOut chan struct{} // the client has the 503
	done     chan struct{} // the handler, with its middleware, has returned
	told     bool          // the handler learnt that its Set comes to nothing
}

func newLate() *late { return &late{timedOut: make(chan struct{}), done: make(chan struct{})} }

func (l *late) routes() routes {
	return routes{"/late": func(w http.ResponseWriter, r *http.Request, v visit) {
		<-r.Context().Done()
		<-l.timedOut
		err := v.Set("k", "late")
		if err == nil {
			err = v.Save()
		}
		l.told = err != nil
		answer(w, "ok", err, nil)
	}}
}

func (l *late) announce(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			defer close(l.done)
		}
		h.ServeHTTP(w, r)
	})
}

// run has the handler answer in time, and too late. What was answered 503 has
// happened or never will.
func (l *late) run(t *trial, limited func(time.Duration) http.Handler) {
	quick, slow := limited(time.Minute), limited(20*time.Millisecond)
	b := t.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			slow.ServeHTTP(w, r)
			return
		}
		quick.ServeHTTP(w, r)
	}), nil)
	t.arrives(b, b.must("/set?k=k&v=before"), "k", "before")
	t.lostIf(b.get("/late").code < 500, "the 503") // or the error of a load that was late itself
	before := b.get("/get?k=k").body
	close(l.timedOut)
	<-l.done
	t.lostIf(b.get("/get?k=k").body != before, "a write happens after its 503")
}
