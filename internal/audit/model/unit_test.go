package model

import (
	"testing"
	"time"
)

// Expected values are those of systemd-analyze timespan.
func TestUnitDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1min 30s": 90 * time.Second, "1min30": 90 * time.Second, "2h": 2 * time.Hour, "500ms": 500 * time.Millisecond,
		"1.5s": 1500 * time.Millisecond, "1 day": 24 * time.Hour, "30 sec": 30 * time.Second,
	} {
		if got, ok := unitDuration(text); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "infinity", "x", "5 parsecs", "-1", "5s -"} {
		if got, ok := unitDuration(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

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
	for name, want := range map[string]State{"server.shutdown": Unknown, "a": Unknown, "b": Written} {
		if v := c.Text(name, Value[string]{}); v.State != want {
			t.Errorf("%s: %q, state %d, want %d", name, v.V, v.State, want)
		}
	}
}

func TestImages(t *testing.T) {
	for text, want := range map[string]Image{
		"FROM debian:12\nSTOPSIGNAL 3\nCMD a\n":                  {Base: "debian:12", Shell: "dash", Stop: Value[string]{V: "QUIT"}},
		"FROM alpine AS a\nSTOPSIGNAL term\nFROM a\nEXPOSE 80\n": {Base: "alpine", Shell: "busybox", Exposed: true, Stop: Value[string]{V: "TERM"}},
		"FROM node:20-alpine\n":                                  {Base: "node:20-alpine", Shell: "busybox"},
		"FROM registry.access.redhat.com/ubi9/openjdk-21\n":      {Base: "registry.access.redhat.com/ubi9/openjdk-21"},
		"FROM openjdk:17\n":                                      {Base: "openjdk:17", Shell: "bash"},
		"FROM openjdk:11-jre\n":                                  {Base: "openjdk:11-jre", Shell: "dash"},
		"FROM ubuntu:24.04\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nCMD a\n": {Base: "ubuntu:24.04", Shell: "bash"},
		"FROM $X\n":             {},
		"FROM a AS a\nFROM a\n": {Base: "a"},
	} {
		m := springModel(t, "Dockerfile", text)
		if len(m.Images) != 1 {
			t.Fatalf("%q: %d images", text, len(m.Images))
		}
		got := m.Images[0]
		if got.Base != want.Base || got.Shell != want.Shell || got.Exposed != want.Exposed || got.Stop.V != want.Stop.V {
			t.Errorf("%q: base %q, shell %q, exposed %t, stop %q", text, got.Base, got.Shell, got.Exposed, got.Stop.V)
		}
	}
}
