package journey_test

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// turns is a balancer that sends each request to the next instance.
func turns(t *testing.T, instances int) string {
	t.Helper()
	var proxies []http.Handler
	for range instances {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), instance+"=1")
		p := proctest.Start(t, cmd)
		at := p.WaitLine(patience, `serving on (\S+)`)
		proxies = append(proxies, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at[1]}))
	}
	var n atomic.Uint64
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxies[n.Add(1)%uint64(len(proxies))].ServeHTTP(w, r)
	}))
}

const trusting = `
version: 1
target: %s
users: 8
think: 20ms
duration: 1m
journey:
  accounts: {user: "guest-{{n}}", password: "${EVENKEEL_TEST_PASSWORD}"}
  login:  {post: /login, form: {user: "{{user}}", password: "{{password}}"}}
  marker: {get: /account, css: b.who}
  write:  {post: /cart, form: {item: "{{token}}"}}
  read:   {get: /cart, regex: 'data-item="(\w+)"'}
  logout: {post: /logout}
`

// Sessions in the memory of two processes whose balancer takes turns are lost,
// which a marker alone shows; in one process they are not.
func TestSessionsInTheMemoryOfTwoProcesses(t *testing.T) {
	t.Parallel()
	alone := regexp.MustCompile(`(?m)^  (write|read):.*\n`).ReplaceAllString(trusting, "")
	for tier, yaml := range map[check.Tier]string{check.TierMarker: alone, check.TierJourney: trusting} {
		clean(t, fmt.Sprintf(yaml, turns(t, 1)), tier)
		out := drill(t, fmt.Sprintf(yaml, turns(t, 2)), func(p check.Progress) bool { return p.Bad[check.G1] > 5 })
		if g := out.Guarantee(check.G1); g.Lost == 0 {
			t.Errorf("no session was lost: %+v", g)
		}
		for _, id := range []check.ID{check.G4, check.G6, check.G8} {
			if g := out.Guarantee(id); g.Bad > 0 {
				t.Errorf("%v: %d bad", id, g.Bad)
			}
		}
	}
}
