package probe_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/evenkeel/evenkeel/probe"
)

func Example() {
	sessions := map[string]string{} // principal by session ID
	calls := probe.Calls{
		Principal: func(_ http.ResponseWriter, r *http.Request) (string, error) {
			c, err := r.Cookie("sid")
			if err != nil {
				return "", nil
			}
			return sessions[c.Value], nil
		},
		SignIn: func(w http.ResponseWriter, _ *http.Request, principal string) error {
			sessions["s1"] = principal
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s1"})
			return nil
		},
		State: func(http.ResponseWriter, *http.Request) (probe.State, error) {
			return probe.State{Tokens: []string{"tea"}, N: 1}, nil
		},
	}
	const secret = "an example of sufficient length"
	p, err := probe.New(secret, calls, probe.Options{Instance: "shop-1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := func(method, path, cookie string) {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("X-Evenkeel-Probe", secret)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	call("GET", "/probe/state", "")
	call("POST", "/probe/login?u=alice", "")
	call("GET", "/probe/state", "sid=s1")
	// Output:
	// 401 {}
	// 200 {}
	// 200 {"u":"alice","t":["tea"],"n":1,"i":"shop-1"}
}
