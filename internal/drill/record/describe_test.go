package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// form is a dialect that signs in with a password, in two requests.
type form struct{}

func (form) Offers(history.Kind) bool { return true }

func (f form) Perform(send engine.Send, c engine.Call, op *history.Op) engine.Exchange {
	send(engine.Request{Method: "GET", Path: "/sign-in?next=%2Fsecret-place"})
	return send(engine.Request{Method: "POST", Path: "/sign-in", Fields: []engine.Field{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "authorization", Value: "Basic hunter2"}},
		Body: []byte("user=" + c.User + "&password=hunter2-" + c.User + "&note=a+" + c.Token + "&empty=")})
}

// own is a dialect that describes itself.
type own struct{ form }

func (own) Describe(engine.Call) []check.Request { return []check.Request{{Path: "/as-told"}} }

// No value that is not the call's own is shown.
func TestDescribeHidesSecrets(t *testing.T) {
	op := history.Op{Kind: history.Login, Token: "u1-1-1"}
	got := fmt.Sprint(Describe(form{})(op, "u1"))
	want := "[{GET /sign-in?next=$NEXT []  false [] false} {POST /sign-in [Content-Type: application/x-www-form-urlencoded authorization: $AUTHORIZATION] user=u1&password=$PASSWORD&note=a+u1-1-1&empty= false [] false}]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Describe(own{})(op, "u1"); len(got) != 1 || got[0].Path != "/as-told" {
		t.Errorf("a dialect's own words: %v", got)
	}
	body := masked(engine.Request{Method: "POST", Path: "/x", Body: []byte(`{"password":"hunter2"}`)}, "")
	if body.Body != "$BODY" {
		t.Errorf("body %q", body.Body)
	}
	for name, want := range map[string]string{"X-Api-Key": "$X_API_KEY", "_csrf[token]": "$CSRF_TOKEN", "9": "$V9", "ü": "$V"} {
		if got := variable(name); got != want {
			t.Errorf("variable of %q is %s, want %s", name, got, want)
		}
	}
	stream := Describe(engine.Probe{Secret: "hunter2"})(history.Op{Kind: history.Stream, Connection: &history.Connection{LastEventID: 41}}, "u1")
	if s := fmt.Sprint(stream); !strings.Contains(s, "Last-Event-ID: 41") || strings.Contains(s, "hunter2") {
		t.Errorf("stream: %s", s)
	}
}
