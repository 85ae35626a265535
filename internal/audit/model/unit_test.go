package model

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
)

func TestUnits(t *testing.T) {
	m := springModel(t, "etc/shop.service", "[Service]\nExecStart=/old\nExecStart=\nExecStart=/usr/bin/java -Dserver.shutdown=graceful -jar shop.jar\nTimeoutSec=20\nKillSignal=3\n"+
		"Environment=\"LIMIT=5\" OTHER=6\n", "etc/job.service", "[Service]\nType=oneshot\nExecStart=/job\n", "etc/none.service", "[Unit]\nDescription=x\n",
		inProgram, "spring.application.name: shop\nserver.shutdown: immediate\na: ${LIMIT:1}\nb: ${MISSING:1}\n")
	if len(m.Services) != 1 {
		t.Fatalf("%d services", len(m.Services))
	}
	s := m.Services[0]
	if s.Name != "shop" || s.Platform != Systemd || s.Grace.V != 20*time.Second || s.Unit.Signal.V != "QUIT" || s.Unit.Start.Line != 4 {
		t.Errorf("%s: grace %v, signal %s, ExecStart in line %d", s, s.Grace, s.Unit.Signal.V, s.Unit.Start.Line)
	}
	if s.App == nil {
		t.Fatal("not joined to its application")
	}
	c := s.App.Configs[0]
	for name, want := range map[string]value.State{"server.shutdown": value.Unknown, "a": value.Unknown, "b": value.Written} {
		if v := c.Text(name, value.Value[string]{}); v.State != want {
			t.Errorf("%s: %q, state %d, want %d", name, v.V, v.State, want)
		}
	}
}
