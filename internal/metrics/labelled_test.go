package metrics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/evenkeel/evenkeel/internal/gateway"
	"github.com/evenkeel/evenkeel/internal/gateway/certs"
	"github.com/evenkeel/evenkeel/internal/metrics"
)

// families are a gateway's metrics as the command hands them over.
func families(s gateway.Stats) (out []metrics.Family) {
	for _, m := range s.Metrics() {
		f := metrics.Family{Name: m.Name, Help: m.Help, Counter: m.Counter, Labels: m.Labels}
		for _, v := range m.Samples {
			f.Samples = append(f.Samples, metrics.Sample{Labels: v.Labels, Value: v.Value})
		}
		out = append(out, f)
	}
	return out
}

// busy is a gateway with something in everything.
func busy() gateway.Stats {
	return gateway.Stats{
		Groups:       []gateway.GroupStats{{Name: "shop", Requests: 7, Targets: []gateway.TargetStatus{{ID: "a", InFlight: 3, Weight: 1}}}},
		Certificates: []certs.Status{{CertFile: "shop.pem"}},
		Config:       gateway.ConfigStats{Sources: []gateway.SourceStats{{Group: "shop", Source: "dns"}}},
	}
}

func gatewayReference() string {
	var b strings.Builder
	b.WriteString("\n## evenkeel_gateway\n\nWhat `evenkeel gateway` shows at [`/metrics`](../guide/gateway.md) of its admin API, from `Gateway.Stats`.\n\n| metric | type | labels | |\n|---|---|---|---|\n")
	for _, f := range families(gateway.Stats{}) {
		kind := map[bool]string{true: "counter", false: "gauge"}[f.Counter]
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, kind, labels, f.Help)
	}
	return b.String()
}

// The gateway's metrics keep the conventions, and each has a sample where
// something is in everything.
func TestGatewayMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(metrics.Labelled(func() []metrics.Family { return families(busy()) })); err != nil {
		t.Fatal(err)
	}
	got, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(families(gateway.Stats{})); len(got) != want {
		t.Errorf("%d of %d metrics have samples", len(got), want)
	}
	problems, err := promlint.NewWithMetricFamilies(got).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, f := range got {
		if f.GetName() == "evenkeel_gateway_requests_total" && (f.GetMetric()[0].GetCounter().GetValue() != 7 || f.GetMetric()[0].GetLabel()[0].GetValue() != "shop") {
			t.Errorf("got %v", f)
		}
		if f.GetName() == "evenkeel_gateway_in_flight_requests" && f.GetMetric()[0].GetGauge().GetValue() != 3 {
			t.Errorf("got %v", f)
		}
		if !strings.HasPrefix(f.GetName(), "evenkeel_gateway_") || !strings.HasSuffix(f.GetHelp(), ".") || strings.Contains(f.GetHelp(), "|") {
			t.Errorf("%s: %q", f.GetName(), f.GetHelp())
		}
	}
}

// A sample that does not fit its labels is an error of the scrape and not a
// wrong number.
func TestLabelledRefusesWhatDoesNotFit(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a sample without its label was taken")
		}
	}()
	c := metrics.Labelled(func() []metrics.Family {
		return []metrics.Family{{Name: "x", Labels: []string{"group"}, Samples: []metrics.Sample{{Value: 1}}}}
	})
	c.Collect(make(chan prometheus.Metric, 1))
}
