//go:build !unix

package main

import (
	"os"
	"syscall"
)

// Signals of the gateway beyond those that end it; there is none to upgrade.
var (
	reloadSignal  os.Signal = syscall.SIGHUP
	upgradeSignal os.Signal
)
