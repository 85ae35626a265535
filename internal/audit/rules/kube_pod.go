package rules

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// kubePod are the rules of pod templates: the way out of one pod.
var kubePod = slices.Concat(kubePodGrace, kubePodHook, kubePodProcess)

// kube are the workloads of Kubernetes with what is known of them.
func (p *Pass) kube() iter.Seq2[*model.Service, *model.Workload] {
	return func(yield func(*model.Service, *model.Workload) bool) {
		for _, s := range p.Services {
			if s.Workload != nil && !yield(s, s.Workload) {
				return
			}
		}
	}
}

// kubeWeb are those of kube that users reach.
func (p *Pass) kubeWeb() iter.Seq2[*model.Service, *model.Workload] {
	return func(yield func(*model.Service, *model.Workload) bool) {
		for s, w := range p.kube() {
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

// leaving is how long a pod needs from its deletion on, without a margin, and
// the sum as people read it.
func leaving(s *model.Service, preStop time.Duration) (sum time.Duration, text string) {
	sum, text = preStop+s.Needs.Drain(), fmt.Sprintf("preStop %s + ", model.Seconds(preStop))
	if s.Needs.LameDuck {
		sum += s.Needs.Withdraw.D
		text += fmt.Sprintf("withdraw %s + ", s.Needs.Withdraw)
	}
	return sum, text + s.Needs.String()
}

// graceFor is the grace period that fits a preStop hook of that length, in
// whole seconds.
func graceFor(s *model.Service, preStop time.Duration) time.Duration {
	sum, _ := leaving(s, preStop)
	return upToSecond(sum + policy.Margin(sum))
}

func upToSecond(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// wholeSeconds is d as manifests have it.
func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(upToSecond(d) / time.Second)) }

// setGrace sets the grace period of w's pods.
func setGrace(w *model.Workload, d time.Duration) []edit.Edit {
	return put(w.Pod, wholeSeconds(d), "terminationGracePeriodSeconds")
}

// put sets the value that stands below n under keys, whether it is there or
// not.
func put(n *tree.Node, value string, keys ...string) []edit.Edit {
	for len(keys) > 1 && n.Get(keys[0]).Exists() {
		n, keys = n.Get(keys[0]), keys[1:]
	}
	if old := n.Get(keys[0]); old != nil && len(keys) == 1 {
		return edit.Set(old, value)
	}
	return edit.Insert(n, under(value, keys...))
}

// under is an entry of names that stand below one another.
func under(value string, keys ...string) edit.Entry {
	e := edit.Entry{Key: keys[len(keys)-1], Value: value}
	for _, k := range slices.Backward(keys[:len(keys)-1]) {
		e = edit.Entry{Key: k, Children: []edit.Entry{e}}
	}
	return e
}

// change is what mends a finding; nil if a part of it cannot be made.
func change(title string, parts ...[]edit.Edit) *Change {
	for _, p := range parts {
		if len(p) == 0 {
			return nil
		}
	}
	return &Change{Title: title, Edits: slices.Concat(parts...)}
}

// asks are the answers to choose from that can be made; nil if there are none.
func asks(title string, all ...Choice) *Change {
	all = slices.DeleteFunc(all, func(c Choice) bool { return len(c.Edits) == 0 })
	if len(all) == 0 {
		return nil
	}
	return &Change{Title: title, Asks: all}
}
