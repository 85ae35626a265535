package peer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var three = &Proxy{Addr: "127.0.0.1:1", Admin: "127.0.0.1:2", home: "/h", targets: []Target{{"a", "h:1"}, {"b", "h:2"}, {"c", "h:3"}}}

func TestConfigurations(t *testing.T) {
	if !json.Valid([]byte(caddyConf(three, ""))) {
		t.Errorf("not JSON: %s", caddyConf(three, ""))
	}
	for name, f := range foreigners {
		conf := f.conf(three, "")
		for _, want := range []string{three.Addr, "h:1", "h:2", "h:3"} {
			if !strings.Contains(conf, want) {
				t.Errorf("%s: no %q in\n%s", name, want, conf)
			}
		}
		for _, left := range []string{"TARGETS", "ADDRESS", "ADMIN", "HOME", "%!", " down"} {
			if strings.Contains(conf, left) {
				t.Errorf("%s: %q in\n%s", name, left, conf)
			}
		}
	}
	if conf := nginxConf(three, "b"); !strings.Contains(conf, "server h:2 down; server h:3;") {
		t.Errorf("b is not down in\n%s", conf)
	}
}

func TestSessionsOfAServer(t *testing.T) {
	csv := "# pxname,svname,qcur,qmax,scur,smax,\nbench,a,0,0,7,9,\nbench,b,0,0,0,9,\n\n"
	for server, want := range map[string]int{"a": 7, "b": 0, "c": -1, "svname": -1} {
		if got := sessions(csv, server); got != want {
			t.Errorf("%s: %d, want %d", server, got, want)
		}
	}
}

func TestWhoIsMissingSaysSo(t *testing.T) {
	if _, err := Start(t.Context(), Traefik, t.TempDir(), nil); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if err := Missing(Evenkeel); err != nil {
		t.Error(err)
	}
}
