package policy

import (
	"fmt"
	"time"
)

// KubernetesNumbers are those of a Deployment and what belongs to it.
type KubernetesNumbers struct {
	PreStop          Number // not used if the program itself serves on
	Grace            Number
	MinReady         Number
	ProgressDeadline Number
	ScaleDownPeriod  Number
	Stabilization    Number
	ProbePeriod      Number
	StartFailures    Number // failures of the startup probe until the pod is given up
}

const (
	maxScalePeriod = 1800 * time.Second // the API's, of a scaling policy
	leastPeriod    = 60 * time.Second   // one pod a minute, however fast it leaves
	// Of a Deployment, if nothing is written.
	usualProgress = 600 * time.Second
	stabilization = 300 * time.Second
)

// Kubernetes works out what follows there. preStop is charged to the grace
// period. The error is a *LimitError.
func (d *Derived) Kubernetes() (KubernetesNumbers, error) {
	var k KubernetesNumbers
	wait := term{fmt.Sprintf("withdraw %d s", d.Withdraw.Value), time.Duration(d.Withdraw.Value) * time.Second}
	if !d.Service.Shutdown.LameDuck && d.Withdraw.Value > 0 {
		k.PreStop = Number{Name: "preStop.sleep.seconds", Value: d.Withdraw.Value, How: d.Withdraw.How}
	}
	grace := sum("terminationGracePeriodSeconds", append([]term{wait}, d.leaving()...)...).margin()
	k.Grace = grace.number()
	if d.Policy.Spot {
		if err := grace.within(spotNotice, "a Spot instance's notice", "take less for requests and streams, or no Spot capacity for this service"); err != nil {
			return k, err
		}
	}
	period := sum("scaleDown.policies.periodSeconds", term{"grace " + secs(k.Grace.Value), time.Duration(k.Grace.Value) * time.Second})
	if err := period.within(maxScalePeriod, "the API's", "pods would leave side by side; take less for requests and streams"); err != nil {
		return k, err
	}
	h := d.Service.Health
	k.ScaleDownPeriod = period.atLeast(leastPeriod, "")
	ready := sum("minReadySeconds", registration(h), wait)
	k.MinReady = ready.number()
	k.Stabilization = Number{Name: "scaleDown.stabilizationWindowSeconds", Value: whole(stabilization), How: "the platform's own: load that comes back within 5 minutes moves nobody"}
	k.ProgressDeadline = d.progress(ready, k.Grace.Value)
	k.ProbePeriod = Number{Name: "readinessProbe.periodSeconds", Value: whole(h.Interval), How: "health.interval " + seconds(h.Interval)}
	failures := (whole(*d.Service.Start+Margin(*d.Service.Start)) + k.ProbePeriod.Value - 1) / k.ProbePeriod.Value
	k.StartFailures = Number{Name: "startupProbe.failureThreshold", Value: max(1, failures),
		How: fmt.Sprintf("(start %s + margin %s) / period %d s, rounded up", seconds(*d.Service.Start), seconds(Margin(*d.Service.Start)), k.ProbePeriod.Value)}
	return k, nil
}

func registration(h Health) term {
	return term{fmt.Sprintf("health interval %s * %d", seconds(h.Interval), h.Healthy), h.Registration()}
}

// progress is how long a rollout of all replicas may take. A surge of 25 % is
// rounded up, so that four or five rounds replace all.
func (d *Derived) progress(ready total, grace int) Number {
	replicas := d.Service.Replicas.Max
	surge := (replicas + 3) / 4
	rounds := (replicas + surge - 1) / surge
	one := *d.Service.Start + ready.d
	t := sum("progressDeadlineSeconds",
		term{fmt.Sprintf("%d rounds * (start %s + minReadySeconds %s)", rounds, seconds(*d.Service.Start), seconds(ready.d)), time.Duration(rounds) * one},
		term{"grace " + secs(grace), time.Duration(grace) * time.Second}).margin()
	return t.atLeast(usualProgress, ", the platform's own")
}

func secs(n int) string { return fmt.Sprintf("%d s", n) }
