package role

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestRobin(t *testing.T) {
	b := &robin{}
	for i := range 3 {
		b.list = append(b.list, &robinTarget{name: TargetName(i), url: &url.URL{Host: TargetName(i)}})
	}
	seen := map[string]int{}
	for range 9 {
		x := b.pick()
		seen[x.name]++
		x.inFlight.Add(-1)
	}
	if fmt.Sprint(seen) != "map[a:3 b:3 c:3]" {
		t.Errorf("nine turns: %v", seen)
	}
	var said strings.Builder
	b.obey(strings.NewReader("remove b\nnonsense\nremove z\n"), &said)
	if said.String() != "removed b\nremoved z\n" {
		t.Errorf("it said %q", said.String())
	}
	for range 9 {
		if x := b.pick(); x.name == "b" {
			t.Fatal("a removed target was picked")
		}
	}
	b.list = nil
	if b.pick() != nil {
		t.Error("a target out of none")
	}
	w := httptest.NewRecorder()
	b.around(nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("without targets: %d", w.Code)
	}
}

func TestNoSuchRole(t *testing.T) {
	for _, args := range [][]string{{"nobody"}, {Target, Exits}} {
		if err := Play(t.Context(), args[0], args[1:]); err == nil {
			t.Errorf("%q was played", args)
		}
	}
}
