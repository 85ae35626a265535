package gateway

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// A kill does not show whether a write has reached the disk, since the kernel
// still has it. The system calls do: the new file is synced before it takes the
// old one's name, and the directory after that, before the caller is answered.
func TestStateIsSynced(t *testing.T) {
	proctest.Require(t, "strace", exec.Command("strace", "-o", os.DevNull, "true").Run())
	if err := syncedCalls(t, ""); err != nil {
		t.Error(err)
	}
	if err := syncedCalls(t, "unsynced"); err == nil || !strings.Contains(err.Error(), "the file was not synced") {
		t.Errorf("of a writer that does not sync: %v", err)
	}
}

// syncedCalls registers a target and says what was wrong with the writes.
func syncedCalls(t *testing.T, fault string) error {
	t.Helper()
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "gateway.json"), filepath.Join(t.TempDir(), "trace")
	k, refused := startKeeper(t, path, fault, "strace", "-f", "-y", "-s", "200", "-e", "trace=fsync,rename,renameat,renameat2", "-o", trace)
	if refused != "" {
		t.Fatal(refused)
	}
	if status, err := k.do("PUT", "/a", `{"address":"127.0.0.1:1"}`); err != nil || status != 201 {
		t.Fatal(status, err)
	}
	eventually(t, "the calls of the write are in the trace", func() bool {
		data, err := os.ReadFile(trace)
		return err == nil && strings.Contains(string(data), `gateway.json"`)
	})
	k.Kill()
	k.Wait(time.Minute)
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	synced, renamed := false, false // of the write that is read
	for s := bufio.NewScanner(f); s.Scan(); {
		switch line := s.Text(); {
		case strings.Contains(line, "rename") && strings.Contains(line, `gateway.json"`):
			if renamed {
				return errors.New("the directory was not synced before the next write")
			}
			if !synced {
				return errors.New("the file was not synced before it was renamed")
			}
			renamed, synced = true, false
		case strings.Contains(line, "fsync(") && strings.Contains(line, ".gateway.json-"):
			synced = true
		case strings.Contains(line, "fsync(") && strings.Contains(line, "<"+dir+">"):
			renamed = false
		}
	}
	if renamed {
		return errors.New("the directory was not synced")
	}
	return nil
}
