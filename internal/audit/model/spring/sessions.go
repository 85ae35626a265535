package spring

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Source is the source of what an application says of its sessions.
const Source = "Spring's configuration"

// servletTimeout is Spring Boot's server.servlet.session.timeout.
const servletTimeout = 30 * time.Minute

// storeSettings are properties that only a session store outside has.
var storeSettings = []string{"spring.session.redis", "spring.session.data.redis", "spring.session.jdbc", "spring.session.mongodb",
	"spring.session.data.mongodb", "spring.session.hazelcast"}

// sessions says what all effective configurations agree on.
func (a *Application) sessions() session.Sessions {
	out := a.Configs[0].sessions(a.Libraries)
	for _, c := range a.Configs[1:] {
		s := c.sessions(a.Libraries)
		if s.Home != out.Home {
			out.Home, out.Source, out.Node = session.HomeUnknown, "", nil
		}
		out.Timeout, out.Cookie = agreed(out.Timeout, s.Timeout), agreed(out.Cookie, s.Cookie)
	}
	return out
}

func agreed[T comparable](a, b value.Value[T]) value.Value[T] {
	if a.State != b.State || a.V != b.V {
		a.State = value.Unknown
	}
	return a
}

func (s *Settings) sessions(libs Libraries) session.Sessions {
	out := session.Sessions{Source: Source}
	out.Home, out.Node = s.sessionHome(libs)
	def := value.Of("", servletTimeout)
	own := s.Duration("server.servlet.session.timeout", time.Second, def)
	out.Timeout = own
	cookie := value.Value[string]{}
	switch out.Home {
	case session.External:
		out.Timeout = s.Duration("spring.session.timeout", time.Second, value.Value[time.Duration]{})
		if out.Timeout.State == value.Absent {
			out.Timeout = own
		}
		cookie = value.Of("", "SESSION")
	case session.Memory:
		cookie = value.Of("", "JSESSIONID")
	case session.HomeUnknown:
		out.Source = ""
		if !own.Written() {
			out.Timeout = value.Value[time.Duration]{}
		}
	}
	out.Cookie = s.Text("server.servlet.session.cookie.name", cookie)
	if out.Timeout.Known() && out.Timeout.V <= 0 {
		out.Timeout.State = value.Unknown // they never end
	}
	return out
}

// sessionHome is where sessions are kept: outside if a store for them is named
// by a property or a library, in memory if settings of the container's own
// sessions are used and nothing can bring a store along.
func (s *Settings) sessionHome(libs Libraries) (session.Home, *tree.Node) {
	kind := s.Text("spring.session.store-type", value.Value[string]{})
	switch {
	case kind.State == value.Unknown && kind.Node != nil:
		return session.HomeUnknown, nil
	case kind.Written() && bare(kind.V) != "none":
		return session.External, kind.Node
	case !kind.Written():
		for _, name := range storeSettings {
			if n := First(s.Below(name)); n != nil {
				return session.External, n
			}
		}
		if libs.Has("spring-session-") {
			return session.External, nil
		}
	}
	used := s.SessionsUsed()
	if used == nil || s.partial || !kind.Written() && (!libs.Known() || libs.MayHave("session", "shiro", "redisson", "hazelcast", "geode")) {
		return session.HomeUnknown, nil
	}
	return session.Memory, used
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
