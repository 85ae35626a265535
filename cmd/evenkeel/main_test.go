package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"evenkeel":     func() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) },
		"drillservice": drillService,
		"evenkeelpeak": peakOf,
	})
}

func TestScripts(t *testing.T) {
	plain := &plainBinary{dir: t.TempDir()}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"busyport":   busyPort,
			"exitcode":   exitCode,
			"peak":       plain.peak,
			"nochildren": noChildren,
		},
	})
}

// condition is [proc] of scripts: /proc is there. Where EVENKEEL_REQUIRE names
// proc, doing without is an error.
func condition(name string) (bool, error) {
	if name != "proc" {
		return false, fmt.Errorf("no such condition: %s", name)
	}
	_, err := os.Stat("/proc/self/status")
	if err != nil && proctest.Required("proc") {
		return false, fmt.Errorf("EVENKEEL_REQUIRE names proc, which is missing: %w", err)
	}
	return err == nil, nil
}
