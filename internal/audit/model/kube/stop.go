package kube

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// DefaultGrace is the API server's terminationGracePeriodSeconds.
const DefaultGrace = 30 * time.Second

// Grace is terminationGracePeriodSeconds of w's pods.
func (w *Workload) Grace() value.Value[time.Duration] {
	return value.InSeconds(w.Pod.Get("terminationGracePeriodSeconds"), value.Of("terminationGracePeriodSeconds", DefaultGrace))
}

// PreStop is the longest of the containers' hooks: each is charged to the one
// grace period.
func (w *Workload) PreStop() value.Value[time.Duration] {
	longest := value.Value[time.Duration]{State: value.Default, Name: "preStop"}
	for _, c := range w.Containers {
		if c.Sleep.State == value.Unknown {
			return c.Sleep
		}
		if c.Sleep.State == value.Written && (c.Sleep.V > longest.V || longest.State == value.Default) {
			longest = c.Sleep
		}
	}
	return longest
}

// Replicas is the least number there is always.
func (w *Workload) Replicas() value.Value[int] {
	switch {
	case w.Scaler != nil:
		return w.Scaler.Min
	case w.Kind == "DaemonSet" || w.Kind == "Pod":
		return value.Value[int]{State: value.Unknown, Name: "replicas"}
	}
	return value.Int(w.Spec().Get("replicas"), value.Of("replicas", 1))
}

// sleepOf is how long a preStop hook sleeps.
func sleepOf(hook *tree.Node) value.Value[time.Duration] {
	none := value.Value[time.Duration]{State: value.Default, Name: "preStop"}
	if hook == nil {
		return none
	}
	if n := hook.Get("sleep", "seconds"); n != nil {
		return value.InSeconds(n, none)
	}
	unknown := value.Value[time.Duration]{State: value.Unknown, Node: hook, Name: "preStop"}
	words := hook.Get("exec", "command").List()
	if len(words) == 0 {
		return unknown
	}
	return sleepCommand(words, unknown)
}

var sleepWord = regexp.MustCompile(`(?:^|[;&|\s/])sleep\s+([0-9.]+)([smh]?)(?:[;&|\s]|$)`)

// sleepCommand reads sleep 15, /bin/sh -c "sleep 15", and scripts in which
// there is one sleep; evenkeel's own drain waits for as long as it is told.
func sleepCommand(words []*tree.Node, unknown value.Value[time.Duration]) value.Value[time.Duration] {
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
	if err != nil || f > value.MaxSeconds {
		return unknown
	}
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[found[0][2]]
	return value.Value[time.Duration]{V: time.Duration(f * float64(unit)), State: value.Written, Node: words[len(words)-1], Name: "preStop"}
}

// Resleep is the text of a hook that sleeps for another time, in whole seconds;
// false if text is not one.
func Resleep(text string, d time.Duration) (string, bool) {
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
