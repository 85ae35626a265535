package journey_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/plan"
)

const marked = `
version: 1
target: %s
users: 8
think: 20ms
duration: 1m
journey:
  accounts: {password: "${EVENKEEL_TEST_PASSWORD}"}
  login:
    - {get: /login, pick: {csrf: 'name="csrf" value="([^"]+)"'}}
    - {post: /login, form: {user: "{{user}}", password: "{{password}}", csrf: "{{csrf}}"}}
  marker: {get: /account, regex: 'Signed in as <b class=who>(\w+)'}
  logout: {post: /logout}
`

const written = marked + `
  write:
    - {get: /cart, pick: {csrf: 'css:input[name=csrf]@value'}}
    - {post: /cart, form: {item: "{{token}}", csrf: "{{csrf}}"}}
  read: {get: /cart, css: 'ul li@data-item'}
`

// drill runs a drill.yaml until that is so.
func drill(t *testing.T, yaml string, until func(check.Progress) bool) check.Outcome {
	t.Helper()
	p := load(t, yaml)
	p.Client.Timeout, p.Client.DialTimeout = patience, patience // a busy machine is not a failure
	c := check.New(p.Check)
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var n atomic.Int64
	l, err := engine.Run(ctx, engine.Options{
		Targets: p.Targets, Dialect: p.Dialect, Users: p.Users, Pace: p.Pace, Duration: p.Duration, Seed: 1, Client: p.Client,
		Streams: engine.Streams{Drop: 300 * time.Millisecond},
	}, func(op history.Op) {
		c.Observe(op)
		if n.Add(1)%100 == 0 && until(c.Progress()) {
			enough()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations of %d users", l.Stats().Sent, p.Users)
	return c.Finish()
}

// A service's own stream of events is followed, too.
func TestStream(t *testing.T) {
	t.Parallel()
	const stream = written + "  stream: {get: /events, regex: 'for (\\w+)'}\n"
	resumed := func(p check.Progress) bool { return exercised(check.TierJourney)(p) && p.Exposed[check.G11] > 5 }
	found(t, drill(t, fmt.Sprintf(stream, serve(t, new(shop).handler())), resumed))
	found(t, drill(t, fmt.Sprintf(stream, serve(t, (&shop{gaps: true}).handler())), func(p check.Progress) bool {
		return p.Bad[check.G11]+p.Suspect[check.G11] > 0
	}), check.G11)
}

// exercised is when all that the tier promises has been put to the test.
func exercised(tier check.Tier) func(check.Progress) bool {
	return func(p check.Progress) bool {
		return !slices.ContainsFunc(check.Required(tier), func(id check.ID) bool { return p.Exposed[id] < 5 })
	}
}

// exercisedBut is when all but one of a journey's guarantees are.
func exercisedBut(not check.ID) func(check.Progress) bool {
	return func(p check.Progress) bool {
		p.Exposed[not] = 5
		return exercised(check.TierJourney)(p)
	}
}

// suspected is when a violation of these has been seen, and of none of them
// when the tier's guarantees are exercised.
func suspected(tier check.Tier, ids []check.ID) func(check.Progress) bool {
	return func(p check.Progress) bool {
		return exercised(tier)(p) && !slices.ContainsFunc(ids, func(id check.ID) bool { return p.Bad[id]+p.Suspect[id] == 0 })
	}
}

func load(t *testing.T, yaml string) *plan.Plan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drill.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "accounts.csv"), []byte(accounts), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// clean wants a pass of all that the tier promises.
func clean(t *testing.T, yaml string, tier check.Tier) {
	t.Helper()
	out := drill(t, yaml, exercised(tier))
	for _, g := range out.Guarantees {
		if g.Bad > 0 {
			t.Errorf("%v: %d of %d bad", g.ID, g.Bad, g.Exposed)
		}
	}
	for i, v := range out.Violations {
		if i < 5 {
			t.Errorf("%+v", v)
		}
	}
	for _, id := range check.Unexercised(out, check.Required(tier), nil) {
		t.Errorf("%v was not exercised", id)
	}
}

// found wants violations of some guarantees and of no others.
func found(t *testing.T, out check.Outcome, want ...check.ID) {
	t.Helper()
	for _, g := range out.Guarantees {
		if planted := slices.Contains(want, g.ID); planted != (g.Bad > 0) {
			t.Errorf("%v: %d of %d bad, planted %v", g.ID, g.Bad, g.Exposed, planted)
		}
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestHealthyShop(t *testing.T) {
	t.Parallel()
	clean(t, fmt.Sprintf(marked, serve(t, new(shop).handler())), check.TierMarker)
	clean(t, fmt.Sprintf(written, serve(t, new(shop).handler())), check.TierJourney)
}

func TestHealthyShopBehindTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(new(shop).handler())
	t.Cleanup(srv.Close)
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	clean(t, fmt.Sprintf(written, srv.URL)+"tls: {ca: "+path+"}\n", check.TierJourney)
	if _, err := scout(t, fmt.Sprintf(marked, srv.URL)); err == nil {
		t.Error("control: a certificate that nobody knows was accepted")
	}
}

func TestPlantedFaults(t *testing.T) {
	for name, test := range map[string]struct {
		shop *shop
		yaml string
		tier check.Tier
		want []check.ID
	}{
		"lost updates":                {&shop{overwrite: true}, written, check.TierJourney, []check.ID{check.G4}},
		"lost updates, marker alone":  {&shop{overwrite: true}, marked, check.TierMarker, nil},
		"a login that keeps the ID":   {&shop{fixed: true}, marked, check.TierMarker, []check.ID{check.G8}},
		"a logout that ends nothing":  {&shop{undying: true}, marked, check.TierMarker, []check.ID{check.G9}},
		"pages of somebody else":      {&shop{leak: 50}, marked, check.TierMarker, []check.ID{check.G6}},
		"pages of somebody else, too": {&shop{leak: 50}, written, check.TierJourney, []check.ID{check.G6}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			yaml := fmt.Sprintf(test.yaml, serve(t, test.shop.handler()))
			found(t, drill(t, yaml, suspected(test.tier, test.want)), test.want...)
		})
	}
}
