package journey_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// patience is a time-out that is not meant to be reached.
const patience = time.Minute

// instance, in the environment, has the test binary be one instance of the
// shop.
const instance = "EVENKEEL_TEST_INSTANCE"

func TestMain(m *testing.M) {
	if os.Getenv(instance) != "" {
		fmt.Fprintln(os.Stderr, be())
		os.Exit(1)
	}
	if err := os.Setenv("EVENKEEL_TEST_PASSWORD", password); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(proctest.Main(m))
}

// be serves a shop until the process is killed.
func be() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("serving on %s\n", ln.Addr())
	srv := &http.Server{Handler: (&shop{trusting: true}).handler(), ReadHeaderTimeout: patience}
	return srv.Serve(ln)
}
