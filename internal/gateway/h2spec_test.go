package gateway

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// TestH2spec runs the conformance suite h2spec against the TLS listener, if
// the binary is in PATH or in .bin (tools/go.mod pins it). What it finds must be exactly
// what testdata/h2spec.known lists, with a reason each: net/http's server
// decides it, not the gateway.
func TestH2spec(t *testing.T) {
	bin, err := exec.LookPath("h2spec")
	if err != nil {
		bin, err = exec.LookPath(filepath.Join("..", "..", ".bin", "h2spec"))
	}
	proctest.Require(t, "h2spec", err)
	f := start(t, overTLS(t, options(shop(app(t, "a", nil)))))
	_, port, err := net.SplitHostPort(f.addr)
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	p := proctest.Start(t, exec.Command(bin, "--tls", "--insecure", "--strict", "--port", port, "--timeout", "5", "--junit-report", report))
	p.Wait(5 * time.Minute) // its code says only that something failed
	tests, failed := readH2spec(t, report)
	if tests < 100 {
		t.Fatalf("h2spec ran %d tests only", tests)
	}
	known := knownH2spec(t)
	for _, name := range failed {
		if known[name] == "" {
			t.Errorf("failed, and is not known: %s", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("is known, and has not failed: %s", name)
	}
	t.Logf("%d tests, %d failed", tests, len(failed))
}

// readH2spec returns the number of tests that ran, and the failed ones.
func readH2spec(t *testing.T, path string) (tests int, failed []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tests, failed, err = parseH2spec(b)
	if err != nil {
		t.Fatal(err)
	}
	return tests, failed
}

func parseH2spec(b []byte) (tests int, failed []string, err error) {
	var doc struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &doc); err != nil {
		return 0, nil, err
	}
	for _, s := range doc.Suites {
		for _, c := range s.Cases {
			switch {
			case c.Skipped != nil:
				continue
			case c.Failure != nil, c.Error != nil:
				failed = append(failed, c.Package+": "+c.Class)
			}
			tests++
		}
	}
	if tests == 0 {
		return 0, nil, errors.New("no test in the report")
	}
	slices.Sort(failed)
	return tests, failed, nil
}

// knownH2spec reads lines "section: test | reason".
func knownH2spec(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "h2spec.known"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	known := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " | ")
		if !ok || reason == "" {
			t.Fatal(fmt.Errorf("h2spec.known: %q has no reason", line))
		}
		known[name] = reason
	}
	return known
}

// A failure in a report is found, so that the comparison means something.
func TestParseH2spec(t *testing.T) {
	report := `<testsuites><testsuite><testcase package="http2/1" classname="good" time="0"></testcase>
		<testcase package="http2/2" classname="bad" time="0"><failure>x</failure></testcase>
		<testcase package="http2/3" classname="broken" time="0"><error>x</error></testcase>
		<testcase package="http2/4" classname="left out" time="0"><skipped></skipped></testcase></testsuite></testsuites>`
	tests, failed, err := parseH2spec([]byte(report))
	if err != nil || tests != 3 || !slices.Equal(failed, []string{"http2/2: bad", "http2/3: broken"}) {
		t.Errorf("%d, %q, %v", tests, failed, err)
	}
	if _, _, err := parseH2spec([]byte("<testsuites></testsuites>")); err == nil {
		t.Error("a report without tests is taken for a good one")
	}
}
