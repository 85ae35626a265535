package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// The file's words are the policy's, the gateway's modes have numbers.
func TestPolicyAndGatewayHaveTheSameModes(t *testing.T) {
	if p, g := new(policy.AffinityMode).Allowed(), AffinityNone.Allowed(); !slices.Equal(p, g) {
		t.Errorf("policy %v, gateway %v", p, g)
	}
}

const twoServices = `version: 1
defaults:
  session: {idle_timeout: 20m}
  affinity: {mode: cookie, cookie: c}
services:
  - name: shop
    session: {idle_timeout: 5m}
    affinity: {mode: app_cookie, app_cookie: sid}
  - {name: docs}
gateway:
  groups:
    - {name: shop, routes: [{path: /}], targets: [{id: a, address: "127.0.0.1:1"}]}
    - {name: other, routes: [{path: /o}], targets: [{id: a, address: "127.0.0.1:2"}]}
`

func readServices(t *testing.T, text string) (Options, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), policy.FileName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadFile(path)
}

// A group has the affinity of the service of its name, else the defaults.
func TestGroupsFollowServices(t *testing.T) {
	opt, err := readServices(t, twoServices)
	if err != nil {
		t.Fatal(err)
	}
	shop, other := opt.Groups[0].Affinity, opt.Groups[1].Affinity
	if shop.Mode != AffinityAppCookie || shop.AppCookie != "sid" || shop.Cookie != "c" || shop.IdleTimeout != 5*time.Minute {
		t.Errorf("shop %+v", shop)
	}
	if other.Mode != AffinityCookie || other.IdleTimeout != 20*time.Minute {
		t.Errorf("other %+v", other)
	}
	for change, want := range map[[2]string]string{
		{"mode: cookie, cookie: c", "mode: cookie, cookie: c, header: h"}: `:4:47: defaults.affinity.header: found "h", allowed: nothing with mode cookie`,
		{"mode: app_cookie, app_cookie: sid", "mode: app_cookie"}:         `:6:5: services[0].affinity: app_cookie: missing`,
		{"- {name: docs}", "- {name: docs}\naffinity: {mode: cookie}"}:    `affinity: found besides services`,
		{"session: {idle_timeout: 5m}", "session: {cookie: 'a b'}"}:       `services[0].session.cookie`,
		{"- {name: docs}", "- {name: Shop}"}:                              `:9:5: services[1].name: found "Shop" again, first in line 6`,
	} {
		_, err := readServices(t, strings.Replace(twoServices, change[0], change[1], 1))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", change[1], err, want)
		}
	}
}
