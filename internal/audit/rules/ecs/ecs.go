package ecs

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// ecsRules are the rules of ECS: the way out of one task, and how many leave at once.
var ecsRules = slices.Concat(ecsStop, ecsDelay, ecsSpot, ecsProviders, ecsDeployment, ecsTasks, ecsScaling, ecsSessions)

// Tasks are the services of ECS with what is known of them, without stores,
// brokers and tools that nobody stated anything of.
func Tasks(p *rule.Pass) iter.Seq2[*model.Service, *aws.TaskService] {
	return func(yield func(*model.Service, *aws.TaskService) bool) {
		for _, s := range p.Services {
			if s.Task == nil || s.Task.Infrastructure() && (s.Stated == nil || s.Stated.Name == "") {
				continue
			}
			if !yield(s, s.Task) {
				return
			}
		}
	}
}

// webTasks are those of Tasks that users reach through a balancer.
func webTasks(p *rule.Pass) iter.Seq2[*model.Service, *aws.TaskService] {
	return func(yield func(*model.Service, *aws.TaskService) bool) {
		for s, t := range Tasks(p) {
			if t.Balanced && !yield(s, t) {
				return
			}
		}
	}
}

// servingTasks are those of Tasks that serve, as far as files show: behind a
// balancer, or with ports and without a service that would say more.
func servingTasks(p *rule.Pass) iter.Seq2[*model.Service, *aws.TaskService] {
	return func(yield func(*model.Service, *aws.TaskService) bool) {
		for s, t := range Tasks(p) {
			if (t.Balanced || t.Alone) && !yield(s, t) {
				return
			}
		}
	}
}

// Set gives v another value, where it is written or else in body. It is nil
// if nothing there can be edited.
func Set[T any](v value.Value[T], body *tree.Node, text string) *rule.Change {
	if body == nil {
		return nil
	}
	title := fmt.Sprintf("set %s to %s", v.Name, text)
	if v.Written() {
		return rule.Mend(title, edit.Set(v.Node, text))
	}
	if v.State != value.Default {
		return nil
	}
	return rule.Mend(title, insert(body, v.Name, text))
}

// Both is two changes in one; the second may not be needed.
func Both(a, b *rule.Change, needed bool) *rule.Change {
	if !needed || a == nil {
		return a
	}
	if b == nil {
		return nil
	}
	return rule.Mend(a.Title+", "+strings.TrimPrefix(b.Title, "set "), a.Edits, b.Edits)
}

// insert writes a setting that is not there: an argument, or an item of the
// list of attributes that CloudFormation has.
func insert(body *tree.Node, name, value string) []edit.Edit {
	if !strings.Contains(name, ".") {
		return edit.Insert(body, edit.Entry{Key: name, Value: value})
	}
	for _, list := range []string{"TargetGroupAttributes", "LoadBalancerAttributes"} {
		if n := body.Get(list); n != nil {
			return edit.Insert(n, edit.Entry{Children: []edit.Entry{{Key: "Key", Value: name}, {Key: "Value", Value: value, Text: true}}})
		}
	}
	return nil
}

// busy is how long requests and streams may go on, and whether somebody said so.
func busy(s *model.Service) (d time.Duration, stated bool) {
	n := s.Needs
	if n.Streams.D > n.Requests.D {
		return n.Streams.D, n.Streams.Stated
	}
	return n.Requests.D, n.Requests.Stated
}

// busyText is busy as people read it.
func busyText(s *model.Service) string {
	n := s.Needs
	n.Flush = model.Amount{}
	return n.String()
}

// withMargin is d and its margin in whole seconds.
func withMargin(d time.Duration) time.Duration { return rule.UpToSecond(d + policy.Margin(d)) }
