package model

import (
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Annotations that say what a service needs where there is no policy.
const (
	NoteRequests = "evenkeel.dev/requests"
	NoteStreams  = "evenkeel.dev/streams"
	NoteSessions = "evenkeel.dev/sessions"
	NoteIgnore   = "evenkeel.dev/ignore"
)

// joinServices gives every service what is stated of it: an annotation is
// nearer than the policy, which is nearer than what other files show.
func joinServices(m *Model, _ []*tree.File) {
	for _, s := range m.Services {
		s.Stated = m.Policy.Service(s.Name)
		s.Needs = needsOf(s)
		s.Sessions = sessionsOf(s)
	}
}

func needsOf(s *Service) Needs {
	n := Needs{Requests: Amount{D: assumedRequests}}
	for _, r := range s.Routers {
		n.Withdraw.D = max(n.Withdraw.D, r.Window)
	}
	if s.Stated != nil {
		down := s.Stated.Shutdown
		n.Withdraw.state(down.Withdraw)
		n.Requests.state(down.Requests)
		n.Streams.state(down.Streams)
		n.Flush.state(down.Flush)
		n.LameDuck = down.LameDuck
	}
	n.Requests.note(s.note(NoteRequests))
	n.Streams.note(s.note(NoteStreams))
	n.LameDuck = n.LameDuck || s.runsEvenkeel()
	return n
}

// note is an annotation of the service, which only Kubernetes has.
func (s *Service) note(name string) *tree.Node {
	if s.Workload == nil {
		return nil
	}
	return s.Workload.Note(name)
}

// runsEvenkeel reports whether a container is started by evenkeel run, which
// serves on after SIGTERM.
func (s *Service) runsEvenkeel() bool {
	if s.Task != nil && s.Task.Main != nil {
		return startsEvenkeel(s.Task.Main.Words)
	}
	return s.Workload != nil && slices.ContainsFunc(s.Workload.Containers, func(c *kube.Container) bool { return startsEvenkeel(c.Command) })
}

// startsEvenkeel reports whether command is evenkeel-run or evenkeel run.
func startsEvenkeel(command []string) bool {
	return len(command) > 0 && strings.HasSuffix(command[0], "evenkeel-run") ||
		len(command) > 1 && strings.HasSuffix(command[0], "evenkeel") && command[1] == "run"
}

func (a *Amount) state(d *time.Duration) {
	if d != nil {
		a.D, a.Stated = *d, true
	}
}

func (a *Amount) note(n *tree.Node) {
	d, err := time.ParseDuration(n.Text())
	if n.Exists() && err == nil && d >= 0 {
		a.D, a.Stated, a.Node = d, true, n
	}
}

func sessionsOf(s *Service) session.Sessions {
	var out session.Sessions
	if s.App != nil {
		out = s.App.Sessions
	}
	if s.Stated != nil {
		byPolicy(&out, s.Stated)
	}
	if n := s.note(NoteSessions); n.Text() == string(session.Memory) || n.Text() == string(session.External) {
		out.Home, out.Source, out.Node = session.Home(n.Text()), "annotation "+NoteSessions, n
	}
	return out
}

// byPolicy puts what the policy says over what files say.
func byPolicy(s *session.Sessions, p *policy.Service) {
	if home := p.Session.Home(); home != "" {
		s.Home, s.Source, s.Node = session.Home(home), "session.store of the policy", nil
	}
	if p.Session.Cookie != "" {
		s.Cookie = stated("session.cookie of the policy", p.Session.Cookie)
	}
	if d := p.Session.IdleTimeout; d != nil {
		s.Timeout = stated("session.idle_timeout", *d)
	}
	if d := p.Session.AbsoluteTimeout; d != nil {
		s.Longest = stated("session.absolute_timeout", *d)
	}
}

// stated is a value of the policy's, which is not among the files.
func stated[T any](name string, v T) value.Value[T] {
	return value.Value[T]{V: v, State: value.Written, Name: name}
}
