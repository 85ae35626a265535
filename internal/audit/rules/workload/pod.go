package workload

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// podRules are the rules of pod templates: the way out of one pod.
var podRules = slices.Concat(graceRules, hookRules, processRules)

// All are the workloads of Kubernetes with what is known of them.
func All(p *rule.Pass) iter.Seq2[*model.Service, *kube.Workload] {
	return func(yield func(*model.Service, *kube.Workload) bool) {
		for _, s := range p.Services {
			if s.Workload != nil && !yield(s, s.Workload) {
				return
			}
		}
	}
}

// Web are those of All that users reach.
func Web(p *rule.Pass) iter.Seq2[*model.Service, *kube.Workload] {
	return func(yield func(*model.Service, *kube.Workload) bool) {
		for s, w := range All(p) {
			if w.Web() && !yield(s, w) {
				return
			}
		}
	}
}

// concerned reports whether what s needs to leave is worth comparing: users may
// reach it, or somebody stated it of s by name.
func concerned(s *model.Service) bool {
	return s.Needs.Requests.Node != nil || s.Needs.Streams.Node != nil || s.Stated != nil && s.Stated.Name != "" || s.Workload.MayServe()
}

// Leaving is how long a pod needs from its deletion on, without a margin, and
// the sum as people read it.
func Leaving(s *model.Service, preStop time.Duration) (sum time.Duration, text string) {
	sum, text = preStop+s.Needs.Drain(), fmt.Sprintf("preStop %s + ", value.Seconds(preStop))
	if s.Needs.LameDuck {
		sum += s.Needs.Withdraw.D
		text += fmt.Sprintf("withdraw %s + ", s.Needs.Withdraw)
	}
	return sum, text + s.Needs.String()
}

// GraceFor is the grace period that fits a preStop hook of that length, in
// whole seconds.
func GraceFor(s *model.Service, preStop time.Duration) time.Duration {
	sum, _ := Leaving(s, preStop)
	return rule.UpToSecond(sum + policy.Margin(sum))
}

// SetGrace sets the grace period of w's pods.
func SetGrace(w *kube.Workload, d time.Duration) []edit.Edit {
	return rule.Put(w.Pod, rule.WholeSeconds(d), "terminationGracePeriodSeconds")
}

// InMemory is the first of the workloads that keeps its sessions in memory and
// has more than one pod, or may have; nil: none.
func InMemory(p *rule.Pass, all []*kube.Workload) *model.Service {
	for _, w := range all {
		s := p.Of(w)
		single := w.Scaler == nil && s.Replicas.Written() && s.Replicas.V <= 1
		if s.Sessions.Home == session.Memory && !single {
			return s
		}
	}
	return nil
}
