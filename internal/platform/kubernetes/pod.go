package kubernetes

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pod is what is read of a pod.
type pod struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		TerminationGracePeriodSeconds *int64      `json:"terminationGracePeriodSeconds"`
		Containers                    []container `json:"containers"`
		InitContainers                []container `json:"initContainers"` // sidecars stand here
	} `json:"spec"`
}

type container struct {
	Name      string `json:"name"`
	Lifecycle struct {
		PreStop *preStop `json:"preStop"`
	} `json:"lifecycle"`
}

type preStop struct {
	Sleep *struct {
		Seconds int64 `json:"seconds"`
	} `json:"sleep"`
	Exec *struct {
		Command []string `json:"command"`
	} `json:"exec"`
}

const (
	defaultGrace = 30 * time.Second // of the API server, if the field is absent
	// leastGrace is what the kubelet gives to a container whatever its preStop
	// has used up (minimumGracePeriodInSeconds in pkg/kubelet/kuberuntime).
	leastGrace = 2 * time.Second
)

// grace is the time from SIGTERM to SIGKILL. The kubelet charges a preStop
// hook to the pod's grace period. Where it is not known which of several
// containers this is, the longest hook counts.
func (p *pod) grace(name string) (d time.Duration, from string) {
	d, from = defaultGrace, "terminationGracePeriodSeconds"
	if s := p.Spec.TerminationGracePeriodSeconds; s != nil {
		d = seconds(*s)
	}
	from += fmt.Sprintf(" %.0f", d.Seconds())
	var longest charge
	for _, c := range p.own(name) {
		if got := c.charge(); got.note != "" && (longest.note == "" || got.time > longest.time) {
			longest = got
			longest.note += " of container " + strconv.Quote(c.Name)
		}
	}
	if longest.note != "" {
		from += " " + longest.note
	}
	return max(d-longest.time, leastGrace), from
}

// own is the container of this name, else all that could be it.
func (p *pod) own(name string) []container {
	all := slices.Concat(p.Spec.Containers, p.Spec.InitContainers)
	if i := slices.IndexFunc(all, func(c container) bool { return c.Name == name }); i >= 0 {
		return all[i : i+1]
	}
	return p.Spec.Containers
}

// charge is what a preStop hook takes of the grace period, and what to say
// about it; no note is no hook.
type charge struct {
	time time.Duration
	note string
}

func (c container) charge() charge {
	hook := c.Lifecycle.PreStop
	switch {
	case hook == nil:
		return charge{}
	case hook.Sleep != nil:
		d := seconds(hook.Sleep.Seconds)
		return charge{d, fmt.Sprintf("less the preStop sleep %.0f", d.Seconds())}
	case hook.Exec == nil:
		return charge{0, "less what the preStop hook takes, which is unknown,"}
	case startsWayOut(hook.Exec.Command):
		return charge{0, "(the way out begins with the preStop hook)"}
	}
	if d, ok := sleepOf(hook.Exec.Command); ok {
		return charge{d, fmt.Sprintf("less the preStop sleep %.0f", d.Seconds())}
	}
	return charge{0, "less what the preStop command takes, which is unknown,"}
}

// startsWayOut recognises evenkeel drain: with it the way out begins at the
// same moment as the grace period, so nothing is lost of it.
func startsWayOut(command []string) bool {
	return len(command) > 1 && strings.HasPrefix(path.Base(command[0]), "evenkeel") && slices.Contains(command[1:], "drain")
}

// sleepOf recognises sleep N, also through a shell.
func sleepOf(command []string) (time.Duration, bool) {
	if len(command) == 3 && command[1] == "-c" {
		command = strings.Fields(command[2])
	}
	if len(command) != 2 || path.Base(command[0]) != "sleep" {
		return 0, false
	}
	unit := time.Second
	number := command[1]
	for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = n, u
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0 && n <= 1e6) {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}

// seconds keeps within what a Duration can hold.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), math.MaxInt64/int64(time.Second))) * time.Second
}

// cost is the deletion cost that the pod has; one that is not a number counts
// as none, as for the controller.
func (p *pod) cost() (value int32, present bool) {
	text, ok := p.Metadata.Annotations[costAnnotation]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, true
	}
	return int32(n), true
}
