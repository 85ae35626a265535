package drain

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// http2 is a client of the fixture that speaks HTTP/2 without TLS.
func (x *fixture) http2(path string) reply {
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, "http://x"+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	res, err := x.transport.RoundTrip(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if res.ProtoMajor != 2 {
		x.t.Errorf("protocol %s", res.Proto)
	}
	return reply{status: res.StatusCode, body: string(b), err: err}
}

func (x *fixture) useHTTP2() (dials *int) {
	dials = new(int)
	x.transport = &http.Transport{Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) {
		*dials++
		return x.l.dial()
	}}
	x.transport.Protocols.SetUnencryptedHTTP2(true)
	return dials
}

// In HTTP/2 the announcement is a GOAWAY: what is in flight on the connection
// finishes, and the next request comes on another one.
func TestHTTP2(t *testing.T) {
	inBubble(t, Options{Budget: usual}, func(x *fixture) {
		dials := x.useHTTP2()
		defer x.transport.CloseIdleConnections()
		slow, deaf := make(chan reply, 1), make(chan reply, 1)
		go func() { slow <- x.http2("/slow") }()
		synctest.Wait()
		go func() { deaf <- x.http2("/deaf") }()
		synctest.Wait()
		if r := x.http2("/quick"); !r.whole(200, "quick") || *dials != 1 {
			t.Fatalf("while serving: %+v, %d dials", r, *dials)
		}
		x.signal()
		for want := range 2 { // the first carries the GOAWAY
			if r := x.http2("/quick"); !r.whole(200, "quick") || *dials != 1+want {
				t.Errorf("while withdrawing: %+v, %d dials, want %d", r, *dials, 1+want)
			}
			x.sleep(time.Millisecond)
		}
		x.sleep(20 * s)
		x.reach(Draining)
		x.release <- struct{}{}
		if r := <-slow; !r.whole(200, "slow") {
			t.Errorf("in flight on the connection that goes away: %+v", r)
		}
		r := x.wait()
		if r.Requests != (Tally{InFlight: 1, Finished: 1}) || r.Streams != (Tally{InFlight: 1, Cut: 1}) {
			t.Errorf("report %+v", r)
		}
		if r := <-deaf; r.err == nil {
			t.Errorf("stream that was cut: %+v", r)
		}
	})
}

// A request that is cut while others of its connection go on is reset alone.
func TestHTTP2CutOfOne(t *testing.T) {
	b := Budget{Withdraw: None, Requests: s, Streams: 60 * s, Flush: 4 * s}
	inBubble(t, Options{Budget: b}, func(x *fixture) {
		dials := x.useHTTP2()
		defer x.transport.CloseIdleConnections()
		heed, held := make(chan reply, 1), make(chan reply, 1)
		go func() { heed <- x.http2("/heed") }()
		synctest.Wait()
		go func() { held <- x.http2("/held") }()
		synctest.Wait()
		x.signal()
		if r := <-heed; r.err == nil {
			t.Errorf("cut: %+v", r)
		}
		x.reach(Draining)
		x.release <- struct{}{}
		if r := <-held; !r.whole(200, "held") || *dials != 1 {
			t.Errorf("stream of the same connection: %+v, %d dials", r, *dials)
		}
		if r := x.wait(); r.Requests.Cut != 1 || r.Streams.Finished != 1 {
			t.Errorf("report %+v", r)
		}
	})
}
