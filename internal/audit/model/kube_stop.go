package model

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// sleepSince is the first Kubernetes with preStop.sleep (KEP-3960: alpha and off
// in 1.29).
var sleepSince = policy.Version{Major: 1, Minor: 30}

// BeforeSleep reports whether there are clusters that do not know preStop.sleep:
// the policy says so.
func (m *Model) BeforeSleep() bool { return m.Policy.Kubernetes.MinVersion.Before(sleepSince) }

// DefaultGrace is the API server's terminationGracePeriodSeconds.
const DefaultGrace = 30 * time.Second

// service is the workload as all platforms' rules see it.
func (w *Workload) service() *Service {
	s := &Service{Platform: Kubernetes, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Node: w.NameNode(), Workload: w, Routers: w.routers()}
	s.Grace = InSeconds(w.Pod.Get("terminationGracePeriodSeconds"), Of("terminationGracePeriodSeconds", DefaultGrace))
	s.PreStop = w.preStop()
	s.Replicas = w.replicas()
	return s
}

// preStop is the longest of the containers' hooks: each is charged to the one
// grace period.
func (w *Workload) preStop() Value[Duration] {
	longest := Value[Duration]{State: Default, Name: "preStop"}
	for _, c := range w.Containers {
		if c.Sleep.State == Unknown {
			return c.Sleep
		}
		if c.Sleep.State == Written && (c.Sleep.V > longest.V || longest.State == Default) {
			longest = c.Sleep
		}
	}
	return longest
}

// replicas is the least number there is always.
func (w *Workload) replicas() Value[int] {
	switch {
	case w.Scaler != nil:
		return w.Scaler.Min
	case w.Kind == "DaemonSet" || w.Kind == "Pod":
		return Value[int]{State: Unknown, Name: "replicas"}
	}
	return Int(w.Spec().Get("replicas"), Of("replicas", 1))
}

// sleepOf is how long a preStop hook sleeps.
func sleepOf(hook *tree.Node) Value[Duration] {
	none := Value[Duration]{State: Default, Name: "preStop"}
	if hook == nil {
		return none
	}
	if n := hook.Get("sleep", "seconds"); n != nil {
		return InSeconds(n, none)
	}
	unknown := Value[Duration]{State: Unknown, Node: hook, Name: "preStop"}
	words := hook.Get("exec", "command").List()
	if len(words) == 0 {
		return unknown
	}
	return sleepCommand(words, unknown)
}

var sleepWord = regexp.MustCompile(`(?:^|[;&|\s/])sleep\s+([0-9.]+)([smh]?)(?:[;&|\s]|$)`)

// sleepCommand reads sleep 15, /bin/sh -c "sleep 15", and scripts in which
// there is one sleep; evenkeel's own drain waits for as long as it is told.
func sleepCommand(words []*tree.Node, unknown Value[Duration]) Value[Duration] {
	var text []string
	for _, w := range words {
		if w.Unknown {
			return unknown
		}
		text = append(text, w.Value)
	}
	found := sleepWord.FindAllStringSubmatch(strings.Join(text, " "), -1)
	if len(found) != 1 {
		return unknown
	}
	f, err := strconv.ParseFloat(found[0][1], 64)
	if err != nil || f > maxSeconds {
		return unknown
	}
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[found[0][2]]
	return Value[Duration]{V: time.Duration(f * float64(unit)), State: Written, Node: words[len(words)-1], Name: "preStop"}
}

// Resleep is the text of a hook that sleeps for another time, in whole seconds;
// false if text is not one.
func Resleep(text string, d Duration) (string, bool) {
	seconds := strconv.Itoa(int((d + time.Second - 1) / time.Second))
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		return seconds, true
	}
	found := sleepWord.FindStringSubmatchIndex(text)
	if found == nil {
		return "", false
	}
	return text[:found[2]] + seconds + text[found[5]:], true
}
