package gateway

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/evenkeel/evenkeel/internal/target"
	"github.com/evenkeel/evenkeel/internal/upstream"
)

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkServeHTTP is the gateway's own share of a bound request: without
// net/http's server and the engine.
func BenchmarkServeHTTP(b *testing.B) {
	g, err := New(options(sticky(target.Move)))
	if err != nil {
		b.Fatal(err)
	}
	resp := &upstream.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: http.NoBody}
	g.newPool = func(string) pool {
		return engine(func(context.Context, *upstream.Request) (*upstream.Response, error) { return resp, nil })
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := g.Register("shop", target.Target{ID: id, Address: "h:1"}); err != nil {
			b.Fatal(err)
		}
	}
	first := record(g, "GET", "/", "")
	cookie := answer{Response: first.Result()}.cookie()[len("Cookie: "):]
	where, _ := url.Parse("/")
	b.ReportAllocs()
	for b.Loop() {
		r := &http.Request{Method: "GET", URL: where, RequestURI: "/", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "127.0.0.1:1", Header: http.Header{"Cookie": {cookie}}}
		g.ServeHTTP(discard{http.Header{}}, r)
	}
}
