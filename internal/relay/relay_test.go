package relay

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestNothingOfOneConnectionPasses(t *testing.T) {
	h := http.Header{
		"Connection": {"keep-alive, X-Mine", " close"}, "X-Mine": {"1"}, "Keep-Alive": {"timeout=5"}, "Te": {"gzip, trailers;q=1"},
		"Trailer": {"X-Sum"}, "Transfer-Encoding": {"chunked"}, "Upgrade": {"websocket"}, "Http2-Settings": {"AAMAAABk"},
		"Proxy-Authorization": {"Basic x"}, "Proxy-Connection": {"close"}, "Cookie": {"a=1"}, "Accept": {"*/*"},
	}
	DropHopByHop(h)
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, []string{"Accept", "Cookie", "Te"}) || h.Get("Te") != "trailers" {
		t.Errorf("%v passes", h)
	}
	to := http.Header{}
	CopyHeader(to, http.Header{"Connection": {"close"}, "Trailer": {"X-Sum"}, "Etag": {"1"}}, true)
	if got := slices.Sorted(maps.Keys(to)); !slices.Equal(got, []string{"Content-Type", "Etag", "Trailer"}) || to["Content-Type"] != nil {
		t.Errorf("%v passes back", to)
	}
}

func TestUpgrade(t *testing.T) {
	for _, tc := range []struct {
		upgrade, connection []string
		minor               int
		want                string
	}{
		{[]string{"websocket"}, []string{"keep-alive, Upgrade"}, 1, "websocket"},
		{[]string{"websocket"}, []string{"Upgrade"}, 0, ""},
		{[]string{"websocket"}, nil, 1, ""},
		{[]string{"h2c"}, []string{"Upgrade, HTTP2-Settings"}, 1, ""},
		{[]string{"HTTP/2.0"}, []string{"Upgrade"}, 1, ""},
		{[]string{"websocket, h2c"}, []string{"Upgrade"}, 1, ""},
		{[]string{"websocket", "h2c"}, []string{"Upgrade"}, 1, ""},
	} {
		r := &http.Request{ProtoMajor: 1, ProtoMinor: tc.minor, Header: http.Header{"Upgrade": tc.upgrade, "Connection": tc.connection}}
		if got := Upgrade(r); got != tc.want {
			t.Errorf("%v: %q", tc, got)
		}
	}
}

func TestTrailersAndInterimAnswers(t *testing.T) {
	h := http.Header{"Trailer": {"X-Sum, X-Other"}}
	CopyTrailer(h, http.Header{"X-Sum": {"1"}, "X-Late": {"2"}})
	if h.Get("X-Sum") != "1" || h.Get(http.TrailerPrefix+"X-Late") != "2" {
		t.Errorf("%v", h)
	}
	w := httptest.NewRecorder()
	Inform(w, http.StatusEarlyHints, http.Header{"Link": {"</a>"}, "Connection": {"close"}})
	if len(w.Header()) != 0 { // none of it is the final answer's
		t.Errorf("%v stays", w.Header())
	}
	w = httptest.NewRecorder()
	f := Flushing(w)
	if _, err := f.Write([]byte("x")); err != nil || !w.Flushed {
		t.Errorf("%v, flushed %t", err, w.Flushed)
	}
}
