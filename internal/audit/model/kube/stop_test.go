package kube

import (
	"strings"
	"testing"
)

func TestSleepOfHooks(t *testing.T) {
	for hook, want := range map[string]string{
		`{sleep: {seconds: 5}}`:                                   "preStop 5 s",
		`{sleep: {seconds: five}}`:                                "unknown",
		`{exec: {command: [sleep, "5"]}}`:                         "preStop 5 s",
		`{exec: {command: [/bin/sleep, "1.5"]}}`:                  "preStop 1.5 s",
		`{exec: {command: [sh, -c, "sleep 1m"]}}`:                 "preStop 60 s",
		`{exec: {command: [sh, -c, "sleep 5; sleep 6"]}}`:         "unknown",
		`{exec: {command: [sh, -c, "sleep $WAIT"]}}`:              "unknown",
		`{exec: {command: [sh, -c, "sleep 5; nginx -s quit"]}}`:   "preStop 5 s",
		`{exec: {command: [sh, -c, "sleep {{ .Values.wait }}"]}}`: "unknown",
		`{httpGet: {path: /drain}}`:                               "unknown",
	} {
		w := readYAML(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, lifecycle: {preStop: "+strings.ReplaceAll(hook, "\n", " ")+"}}]}}}}").Workloads[0]
		got := "unknown"
		if p := w.PreStop(); p.Known() {
			got = p.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", hook, got, want)
		}
	}
}
