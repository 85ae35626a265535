package metrics

import "github.com/prometheus/client_golang/prometheus"

// Family is a metric with labels, of a source that knows its metrics itself.
type Family struct {
	Name, Help string
	Counter    bool // else a gauge
	Labels     []string
	Samples    []Sample
}

// Sample is one value of a Family, with the values of its labels in order.
type Sample struct {
	Labels []string
	Value  float64
}

// Labelled shows what read returns: always the same families, with samples that
// come and go.
func Labelled(read func() []Family) prometheus.Collector { return labelled(read) }

type labelled func() []Family

func (f Family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
}

// Describe implements prometheus.Collector.
func (l labelled) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range l() {
		ch <- f.desc()
	}
}

// Collect implements prometheus.Collector.
func (l labelled) Collect(ch chan<- prometheus.Metric) {
	for _, f := range l() {
		desc, kind := f.desc(), prometheus.GaugeValue
		if f.Counter {
			kind = prometheus.CounterValue
		}
		for _, s := range f.Samples {
			ch <- prometheus.MustNewConstMetric(desc, kind, s.Value, s.Labels...)
		}
	}
}
