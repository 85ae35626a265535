package main

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// A disk that fills up during the run ends it with one clear line.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m")
	proctest.Require(t, "mount", err)
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	cmd, tmp := command(t, "demo", "--strategy", "evenkeel", "--for", "40s", "--users", "50", "--page", "off", "--store", "sqlite:"+dir+"/s.db")
	p := proctest.Start(t, cmd)
	p.WaitLine(60*time.Second, "signed in")
	if err := os.WriteFile(dir+"/filler", make([]byte, 25<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	p.WaitLine(60*time.Second, "^evenkeel: --store .*s.db: the disk is full")
	if code := p.Wait(60 * time.Second); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	eventuallyAlone(t, tmp)
}
