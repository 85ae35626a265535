package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metric is one number of a snapshot of type S.
type metric[S any] struct {
	name  string
	kind  prometheus.ValueType
	help  string
	value func(S) float64
}

// collector shows the snapshots of one source.
type collector[S any] struct {
	read    func() S
	metrics []metric[S]
	descs   []*prometheus.Desc // of metrics, in their order
}

func newCollector[S any](read func() S, metrics []metric[S]) prometheus.Collector {
	c := &collector[S]{read: read, metrics: metrics}
	for _, m := range metrics {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, nil, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector[S]) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector[S]) Collect(ch chan<- prometheus.Metric) {
	snapshot := c.read()
	for i, m := range c.metrics {
		ch <- prometheus.MustNewConstMetric(c.descs[i], m.kind, m.value(snapshot))
	}
}

// Handler answers scrapes with the collectors' metrics and those of the Go
// runtime and the process. It has a registry of its own; two collectors of one
// kind are a bug of the caller, and panic.
func Handler(from ...prometheus.Collector) http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(from...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
