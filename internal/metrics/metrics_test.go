package metrics_test

import (
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/evenkeel/evenkeel/drain"
	"github.com/evenkeel/evenkeel/internal/metrics"
	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore"
)

var update = flag.Bool("update", false, "write docs/reference/metrics.md")

// source is a kind of snapshot and its collector.
type source struct {
	pkg       string
	about     string
	zero      any                                     // a snapshot
	collector func(snapshot any) prometheus.Collector // of that snapshot
}

func sources() []source {
	return []source{{
		pkg: "session", about: "What a `session.Manager` does, from `Manager.Stats`.", zero: session.Stats{},
		collector: func(s any) prometheus.Collector {
			return metrics.Session(func() session.Stats { return s.(session.Stats) })
		},
	}, {
		pkg: "redisstore", about: "What a `redisstore.Store` meets, from `Store.Stats`.", zero: redisstore.Stats{},
		collector: func(s any) prometheus.Collector {
			return metrics.Redis(func() redisstore.Stats { return s.(redisstore.Stats) })
		},
	}, {
		pkg: "drain", about: "Where a process stands on its way out, from `Drainer.Stats`.", zero: drain.Stats{},
		collector: func(s any) prometheus.Collector {
			return metrics.Drain(func() drain.Stats { return s.(drain.Stats) })
		},
	}, {
		pkg: "handover", about: "What a process of `evenkeel gateway` counts of its upgrades.", zero: metrics.HandoverStats{},
		collector: func(s any) prometheus.Collector {
			return metrics.Handover(func() metrics.HandoverStats { return s.(metrics.HandoverStats) })
		},
	}}
}

// values are what a collector shows, by name.
func values(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) > 0 {
				t.Errorf("%s has labels", f.GetName())
			}
			got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

func TestEveryCountHasOneMetric(t *testing.T) {
	for _, src := range sources() {
		for _, problem := range unmatched(t, src.zero, src.collector) {
			t.Errorf("%s: %s", src.pkg, problem)
		}
	}
}

// unmatched sets one field after the other and says where not exactly one
// metric, and another one each time, shows it.
func unmatched(t *testing.T, zero any, collector func(any) prometheus.Collector) (problems []string) {
	t.Helper()
	kind := reflect.TypeOf(zero)
	shownBy := map[string]string{}
	for i := range kind.NumField() {
		snapshot := reflect.New(kind).Elem()
		snapshot.Field(i).SetInt(int64(i + 1))
		var names []string
		for name, v := range values(t, collector(snapshot.Interface())) {
			if v != 0 {
				names = append(names, name)
			}
			if v != 0 && math.Abs(v-float64(i+1)) > 1e-9 {
				problems = append(problems, fmt.Sprintf("%s is %v for %d", name, v, i+1))
			}
		}
		field := kind.Field(i).Name
		if len(names) != 1 {
			problems = append(problems, fmt.Sprintf("%s is shown by %q", field, names))
			continue
		}
		if other, ok := shownBy[names[0]]; ok {
			problems = append(problems, fmt.Sprintf("%s shows %s and %s", names[0], other, field))
		}
		shownBy[names[0]] = field
	}
	if n := len(values(t, collector(zero))); n != kind.NumField() {
		problems = append(problems, fmt.Sprintf("%d metrics for %d fields", n, kind.NumField()))
	}
	return problems
}

// A collector that forgets fields must be found.
func TestAForgottenCountIsFound(t *testing.T) {
	forgetful := func(snapshot any) prometheus.Collector {
		s := snapshot.(session.Stats)
		s.Unknown, s.Late = 0, s.Unknown+s.Late
		return metrics.Session(func() session.Stats { return s })
	}
	problems := strings.Join(unmatched(t, session.Stats{}, forgetful), "\n")
	if !strings.Contains(problems, "evenkeel_session_late_total shows Late and Unknown") {
		t.Errorf("got %q", problems)
	}
}

var metricName = regexp.MustCompile(`^evenkeel_[a-z]+(_[a-z]+)+_(total|seconds|bytes|calls|sessions|breakers|requests|streams|workers|state)$`)

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	for _, src := range sources() {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(src.collector(src.zero))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		problems, err := promlint.NewWithMetricFamilies(families).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		for _, f := range families {
			if name := f.GetName(); !metricName.MatchString(name) || !strings.HasPrefix(name, "evenkeel_"+src.pkg+"_") {
				t.Errorf("%s is no evenkeel_%s_<what>_<unit>", name, src.pkg)
			}
			if help := f.GetHelp(); !strings.HasSuffix(help, ".") || strings.Contains(help, "|") {
				t.Errorf("%s: help %q", f.GetName(), help)
			}
		}
	}
}

const reference = "../../docs/reference/metrics.md"

func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics\n\nWhat `internal/metrics` shows to Prometheus. A test writes this page from the code. Only those of the gateway have labels. Those of the Go runtime and the process come with them.\n")
	for _, src := range sources() {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(src.collector(src.zero))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## evenkeel_%s\n\n%s\n\n| metric | type | |\n|---|---|---|\n", src.pkg, src.about)
		for _, f := range families {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp())
		}
	}
	b.WriteString(gatewayReference())
	if *update {
		if err := os.WriteFile(reference, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is not what the code shows: run go test ./internal/metrics -run TestReference -update", reference)
	}
}

func TestHandlerShowsTheNewestSnapshot(t *testing.T) {
	var now session.Stats
	h := metrics.Handler(metrics.Session(func() session.Stats { return now }))
	for _, n := range []int64{0, 3, 4} {
		now.Requests = n
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		body, err := io.ReadAll(w.Body)
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("status %d, error %v", w.Code, err)
		}
		for _, line := range []string{fmt.Sprintf("evenkeel_session_requests_total %d\n", n), "\ngo_goroutines ", "\nprocess_start_time_seconds "} {
			if !strings.Contains("\n"+string(body), line) {
				t.Errorf("no %q in\n%.600s", line, body)
			}
		}
	}
}

func ExampleHandler() {
	stats := func() session.Stats { return session.Stats{Requests: 2} }
	w := httptest.NewRecorder()
	metrics.Handler(metrics.Session(stats)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "evenkeel_session_requests_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// evenkeel_session_requests_total 2
}
