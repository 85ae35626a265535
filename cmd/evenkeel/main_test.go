package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"busyport":   busyPort,
			"exitcode":   exitCode,
			"peak":       plain.peak,
			"nochildren": noChildren,
		},
	})
}
