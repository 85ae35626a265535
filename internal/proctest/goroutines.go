package proctest

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// Goroutines runs the tests and returns their exit code, 1 when a goroutine
// outlives them: for TestMain. (Fuzzing leaves its own.)
func Goroutines(m *testing.M) int {
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		return code
	}
	http.DefaultClient.CloseIdleConnections() // of tests that use it
	deadline := time.Now().Add(20 * time.Second)
	for code == 0 && runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "goroutines left:\n%s\n", buf[:runtime.Stack(buf, true)])
			code = 1
		}
		runtime.Gosched()
	}
	return code
}
