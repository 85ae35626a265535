package redistest

import (
	"bytes"
	"fmt"
	"os"
)

// stopped is an error until the process's main thread, which serves all of
// Redis's clients, stands still.
func stopped(pid int) error {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	if state := b[bytes.LastIndexByte(b, ')')+1:]; !bytes.HasPrefix(state, []byte(" T ")) {
		return fmt.Errorf("it is not stopped yet: %s", b)
	}
	return nil
}
