package model

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// SpringSource is the source of what an application says of its sessions.
const SpringSource = "Spring's configuration"

// servletTimeout is Spring Boot's server.servlet.session.timeout.
const servletTimeout = 30 * time.Minute

// storeSettings are properties that only a session store outside has.
var storeSettings = []string{"spring.session.redis", "spring.session.data.redis", "spring.session.jdbc", "spring.session.mongodb",
	"spring.session.data.mongodb", "spring.session.hazelcast"}

// sessions says what all effective configurations agree on.
func (a *Application) sessions() Sessions {
	out := a.Configs[0].sessions(a.Libraries)
	for _, c := range a.Configs[1:] {
		s := c.sessions(a.Libraries)
		if s.Home != out.Home {
			out.Home, out.Source, out.Node = HomeUnknown, "", nil
		}
		out.Timeout, out.Cookie = agreed(out.Timeout, s.Timeout), agreed(out.Cookie, s.Cookie)
	}
	return out
}

func agreed[T comparable](a, b Value[T]) Value[T] {
	if a.State != b.State || a.V != b.V {
		a.State = Unknown
	}
	return a
}

func (s *Settings) sessions(libs Libraries) Sessions {
	out := Sessions{Source: SpringSource}
	out.Home, out.Node = s.sessionHome(libs)
	def := Of("", servletTimeout)
	own := s.Duration("server.servlet.session.timeout", time.Second, def)
	out.Timeout = own
	cookie := Value[string]{}
	switch out.Home {
	case External:
		out.Timeout = s.Duration("spring.session.timeout", time.Second, Value[Duration]{})
		if out.Timeout.State == Absent {
			out.Timeout = own
		}
		cookie = Of("", "SESSION")
	case Memory:
		cookie = Of("", "JSESSIONID")
	case HomeUnknown:
		out.Source = ""
		if !own.Written() {
			out.Timeout = Value[Duration]{}
		}
	}
	out.Cookie = s.Text("server.servlet.session.cookie.name", cookie)
	if out.Timeout.Known() && out.Timeout.V <= 0 {
		out.Timeout.State = Unknown // they never end
	}
	return out
}

// sessionHome is where sessions are kept: outside if a store for them is named
// by a property or a library, in memory if settings of the container's own
// sessions are used and nothing can bring a store along.
func (s *Settings) sessionHome(libs Libraries) (Home, *tree.Node) {
	kind := s.Text("spring.session.store-type", Value[string]{})
	switch {
	case kind.State == Unknown && kind.Node != nil:
		return HomeUnknown, nil
	case kind.Written() && bare(kind.V) != "none":
		return External, kind.Node
	case !kind.Written():
		for _, name := range storeSettings {
			if n := First(s.Below(name)); n != nil {
				return External, n
			}
		}
		if libs.Has("spring-session-") {
			return External, nil
		}
	}
	used := s.SessionsUsed()
	if used == nil || s.partial || !kind.Written() && (!libs.Known() || libs.MayHave("session", "shiro", "redisson", "hazelcast", "geode")) {
		return HomeUnknown, nil
	}
	return Memory, used
}

// SessionsUsed is a property that only makes sense for a program that keeps
// sessions; nil if there is none.
func (s *Settings) SessionsUsed() *tree.Node {
	for _, name := range []string{"server.servlet.session.timeout", "server.servlet.session.persistent", "server.servlet.session.cookie.name",
		"server.servlet.session.cookie.max-age", "spring.session.timeout"} {
		if n := s.Written(name); n != nil {
			return n
		}
	}
	return nil
}
