package engine

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

func TestProbeRequests(t *testing.T) {
	p := Probe{Secret: "s", Cookie: "sid"}
	fields := []Field{{"X-Evenkeel-Probe", "s"}}
	for _, test := range []struct {
		call Call
		want Request
	}{
		{Call{Kind: history.Login, User: "a b"}, Request{Method: "POST", Path: "/probe/login?u=a+b"}},
		{Call{Kind: history.Login, User: "a", Cookie: "old"}, Request{Method: "POST", Path: "/probe/login?u=a", Cookie: "sid=old"}},
		{Call{Kind: history.Append, Key: "k0", Token: "t&1"}, Request{Method: "POST", Path: "/probe/append?k=k0&t=t%261"}},
		{Call{Kind: history.State}, Request{Method: "GET", Path: "/probe/state"}},
		{Call{Kind: history.Incr}, Request{Method: "POST", Path: "/probe/incr"}},
		{Call{Kind: history.Rotate}, Request{Method: "POST", Path: "/probe/rotate"}},
		{Call{Kind: history.Logout}, Request{Method: "POST", Path: "/probe/logout"}},
		{Call{Kind: history.Replay, Cookie: "x"}, Request{Method: "GET", Path: "/probe/state", Cookie: "sid=x", Detached: true}},
		{Call{Kind: history.Slow, Time: 1500 * time.Millisecond}, Request{Method: "GET", Path: "/probe/slow?ms=1500", Longer: 1500 * time.Millisecond}},
	} {
		test.want.Fields = fields
		if diff := cmp.Diff(test.want, p.Request(test.call)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.call.Kind, diff)
		}
	}
	other := Probe{Secret: "s", Prefix: "drill/", Header: "X-K"}.Request(Call{Kind: history.State})
	if diff := cmp.Diff(Request{Method: "GET", Path: "/drill/state", Fields: []Field{{"X-K", "s"}}}, other); diff != "" {
		t.Errorf("configured (-want +got):\n%s", diff)
	}
}

func TestProbeRead(t *testing.T) {
	header := func(lines ...string) http.Header { return http.Header{"Set-Cookie": lines, "X-Instance": {"i1"}} }
	timeout := &history.Failure{What: "timeout"}
	masked := &history.Failure{What: "reset", Idempotent: true, Reused: true, Masked: true}
	malformed := func(get bool) *history.Failure {
		return &history.Failure{What: "malformed", Idempotent: get, Answered: true}
	}
	for _, test := range []struct {
		name string
		kind history.Kind
		x    Exchange
		want history.Op
	}{
		{"state", history.State, Exchange{Status: 200, Body: []byte(`{"u":"a","t":["x","y"],"n":17,"i":"i9"}`)},
			history.Op{Seen: &history.Seen{User: "a", Tokens: []string{"x", "y"}, N: 17}, Instance: "i9"}},
		{"instance of the header", history.State, Exchange{Status: 200, Header: header(), Body: []byte(`{"u":"a","i":"i9"}`)},
			history.Op{Seen: &history.Seen{User: "a"}, Instance: "i1"}},
		{"anonymous", history.State, Exchange{Status: 401, Body: []byte("{}")}, history.Op{Outcome: history.Failed, Anonymous: true}},
		{"anonymous replay", history.Replay, Exchange{Status: 401}, history.Op{Outcome: history.Failed, Anonymous: true}},
		{"anonymous append", history.Append, Exchange{Status: 401}, history.Op{Outcome: history.Failed, Anonymous: true}},
		{"login refused", history.Login, Exchange{Status: 401}, history.Op{Outcome: history.Failed}},
		{"not offered", history.Incr, Exchange{Status: 404}, history.Op{Outcome: history.Failed}},
		{"login", history.Login, Exchange{Status: 200, Header: header("other=1", "sid=v1"), Body: []byte("hello")},
			history.Op{Instance: "i1", SetCookie: "v1"}},
		{"login that shows a marker", history.Login, Exchange{Status: 200, Body: []byte(`{"u":"a"}`)},
			history.Op{Seen: &history.Seen{User: "a"}}},
		{"cookie presented", history.Rotate, Exchange{Status: 200, Cookie: "a=1; sid=v1", Header: header("sid=v2")},
			history.Op{Instance: "i1", SetCookie: "v2", Sent: "v1"}},
		{"the last cookie counts", history.Append, Exchange{Status: 200, Header: header("sid=v2", "sid=v3")},
			history.Op{Instance: "i1", SetCookie: "v3"}},
		{"cookie taken away", history.Logout, Exchange{Status: 200, Header: header("sid=; Max-Age=0")}, history.Op{Instance: "i1"}},
		{"cookie expired", history.Logout, Exchange{Status: 200, Header: header("sid=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT")}, history.Op{Instance: "i1"}},
		{"increment", history.Incr, Exchange{Status: 200, Body: []byte(`{"n":18}`)}, history.Op{Seen: &history.Seen{N: 18}}},
		{"increment without a number", history.Incr, Exchange{Status: 200, Body: []byte(`{}`)},
			history.Op{Outcome: history.Unknown, Failure: malformed(false)}},
		{"state of HTML", history.State, Exchange{Status: 200, Body: []byte("<html>")},
			history.Op{Outcome: history.Unknown, Failure: malformed(true)}},
		{"state too long", history.State, Exchange{Status: 200, Truncated: true, Body: []byte(`{"u":"a"}`)},
			history.Op{Outcome: history.Unknown, Failure: malformed(true)}},
		{"append with any body", history.Append, Exchange{Status: 200, Body: []byte("stored")}, history.Op{}},
		{"redirect", history.Append, Exchange{Status: 302}, history.Op{Outcome: history.Unknown}},
		{"5xx", history.Append, Exchange{Status: 503, Failure: &history.Failure{What: "status", Answered: true}},
			history.Op{Outcome: history.Unknown, Failure: &history.Failure{What: "status", Answered: true}}},
		{"timed out", history.Append, Exchange{Failure: timeout}, history.Op{Outcome: history.Unknown, Failure: timeout}},
		{"never sent", history.Append, Exchange{Sent: -1, Failure: timeout}, history.Op{Outcome: history.Failed, Failure: timeout}},
		{"cut after the head", history.Login, Exchange{Status: 200, Header: header("sid=v1"), Failure: timeout},
			history.Op{Outcome: history.Unknown, Failure: timeout, Instance: "i1", SetCookie: "v1"}},
		{"masked", history.State, Exchange{Status: 200, Failure: masked, Body: []byte(`{"u":"a"}`)},
			history.Op{Failure: masked, Seen: &history.Seen{User: "a"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.x.Call, test.x.Return = 3, 5
			test.want.User, test.want.Kind, test.want.Call, test.want.Return, test.want.Status = 7, test.kind, 3, 5, test.x.Status
			op := history.Op{User: 7, Kind: test.kind}
			Probe{Cookie: "sid"}.Read(&op, &test.x)
			if diff := cmp.Diff(test.want, op); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
