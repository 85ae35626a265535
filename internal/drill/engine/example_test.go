package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
)

// A user driven by hand: what net/http's client would hide is a fact here.
func ExampleUser_Do() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s1"})
	}))
	defer srv.Close()
	client, err := engine.NewClient([]string{srv.URL}, engine.NewClock(), engine.ClientOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	u := client.User()
	defer u.Close()
	for _, path := range []string{"/login", "/cut"} {
		x, err := u.Do(context.Background(), engine.Request{Method: "GET", Path: path})
		if err != nil {
			fmt.Println(err)
			return
		}
		if x.Failure == nil {
			fmt.Println(path, x.Status, u.Cookies())
			continue
		}
		fmt.Printf("%s %s, connection reused %v, answered %v\n", path, x.Failure.What, x.Failure.Reused, x.Failure.Answered)
	}
	// Output:
	// /login 200 sid=s1
	// /cut eof, connection reused true, answered false
}
