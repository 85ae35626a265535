package peers

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Commits that fail, come late, or must not happen.
var commitEdges = []scenario{
	{
		edge: "the client has gone before the commit",
		run: func(t *trial) {
			done := make(chan struct{})
			app := t.wrap(t.app(routes{"/pay": func(w http.ResponseWriter, r *http.Request, v visit) {
				<-r.Context().Done()
				answer(w, "paid", v.Set("k", "paid"), v.Save)
			}}))
			b := t.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				app.ServeHTTP(w, r)
				if r.URL.Path == "/pay" {
					close(done)
				}
			}), nil)
			b.must("/set?k=k&v=unpaid")
			b.raw("GET", "/pay").Close()
			<-done
			t.lostIf(b.get("/get?k=k").body != "paid", "the write is lost")
		},
		lost: map[string]string{"scs": "the write is lost"},
	},
	{
		edge: "the commit fails",
		run: func(t *trial) {
			var cause error
			b := t.browse(routes{"/pay": func(w http.ResponseWriter, r *http.Request, v visit) {
				err := v.Set("k", "paid")
				t.store.Fail(true)
				if err == nil {
					err = v.Save()
				}
				if err != nil {
					answer(w, "", err, nil)
					cause = err
					return
				}
				http.SetCookie(w, &http.Cookie{Name: "receipt", Value: "1"})
				w.Header().Set("X-Receipt", "1")
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, "paid")
				cause = context.Cause(r.Context())
			}})
			b.must("/set?k=k&v=unpaid")
			got := b.get("/pay")
			t.store.Fail(false)
			t.lostIf(got.code < 500, "the error")
			t.lostIf(strings.Contains(got.body, "paid"), "the application's body is sent")
			t.lostIf(got.header.Get("X-Receipt") != "", "the application's header is sent")
			t.lostIf(len(got.cookies) > 0, "other cookies are sent")
			t.lostIf(cause == nil, "the handler does not learn")
			b.must("/get?k=k")
		},
		lost: map[string]string{
			"scs":      "other cookies are sent; the application's body is sent; the application's header is sent; the handler does not learn",
			"careless": "other cookies are sent; the application's body is sent; the application's header is sent; the error; the handler does not learn",
		},
	},
	{
		edge: "Set after the first Write",
		run: func(t *trial) {
			told := false
			b := t.browse(routes{"/late": func(w http.ResponseWriter, _ *http.Request, v visit) {
				io.WriteString(w, "x")
				told = v.Set("k", "late") != nil || v.Save() != nil
			}})
			b.get("/late")
			t.lostIf(!told && b.get("/get?k=k").body != "late", "the write is lost and nobody told")
		},
		lost: map[string]string{
			"scs":      "the write is lost and nobody told",
			"gorilla":  "the write is lost and nobody told",
			"careless": "the write is lost and nobody told",
		},
	},
	{
		edge: "a panic after Set",
		run: func(t *trial) {
			b := t.browse(routes{"/panic": func(_ http.ResponseWriter, _ *http.Request, v visit) {
				t.ok(v.Set("k", "half"))
				panic(http.ErrAbortHandler)
			}})
			b.must("/set?k=k&v=whole")
			before := b.cookieLine()
			t.lostIf(b.get("/panic").code != 0, "the panic is answered")
			t.lostIf(b.get("/get?k=k").body != "whole" || b.cookieLine() != before, "half the work is stored")
		},
		lost: map[string]string{"careless": "half the work is stored"},
	},
	{
		edge: "a read fails, the handler does not look, and saves",
		run: func(t *trial) {
			b := t.browse(routes{"/careless": func(w http.ResponseWriter, _ *http.Request, v visit) {
				_, _ = v.Value("k")
				t.store.Fail(false)
				if v.Set("seen", "1") == nil {
					_ = v.Save()
				}
				io.WriteString(w, "ok")
			}})
			b.must("/set?k=k&v=kept")
			t.store.Fail(true)
			got := b.get("/careless")
			if got.code >= 500 {
				t.store.Fail(false) // where the handler has not been called
			}
			t.lostIf(b.get("/get?k=k").body != "kept", "everything else in the session")
		},
		lost: map[string]string{"gorilla": "everything else in the session"},
	},
	{
		edge: "every call of the store has a deadline",
		run: func(t *trial) {
			store, ok := t.store.(counting)
			if !ok {
				t.lacking("its stores take no context")
				return
			}
			b := t.browse(nil)
			b.must("/set?k=k&v=1")
			b.must("/set?k=k&v=2")
			b.must("/get?k=k")
			all, unbounded := store.Calls()
			t.lostIf(all == 0, "the count")
			t.lostIf(unbounded > 0, "a store that hangs, hangs the request")
		},
		lost: map[string]string{
			"scs":      "a store that hangs, hangs the request",
			"careless": "a store that hangs, hangs the request",
		},
	},
	{
		edge: "an attribute that cannot be decoded",
		run: func(t *trial) {
			b := t.browse(nil)
			b.must("/set?k=k&v=tea")
			b.must("/set?k=other&v=kept")
			t.store.Spoil()
			t.lostIf(b.get("/static").code != http.StatusOK, "all pages of that user")
			if got := b.get("/get?k=k"); got.code == http.StatusOK && got.body == "" {
				// What gorilla has of the others is gob's order, by chance.
				t.lost("it looks absent, so that the next save wipes it")
				return
			}
			t.lostIf(b.get("/get?k=other").body != "kept", "the other attributes")
		},
		lost: map[string]string{
			"scs":      "all pages of that user; the other attributes",
			"gorilla":  "it looks absent, so that the next save wipes it",
			"careless": "all pages of that user; the other attributes",
		},
	},
}
