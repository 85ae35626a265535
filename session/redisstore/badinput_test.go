package redisstore

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// badPassword is in many of the inputs, and must be in no error.
const badPassword = "hunter2"

// What is wrong with the arguments of New is said by New: all that it needs to
// know which it is, and what is allowed instead.
func TestBadInputOfNew(t *testing.T) {
	shop := Options{Service: "shop"}
	with := func(change func(*Options)) Options {
		o := shop
		change(&o)
		return o
	}
	credentials := func(context.Context) (Credentials, error) { return Credentials{}, nil }
	for name, c := range map[string]struct {
		url string
		opt Options
		say []string
	}{
		"no URL":                   {"", shop, []string{"unknown scheme", "redis://", "redis-sentinel://", "redis-cluster://"}},
		"no scheme":                {"localhost:6379", shop, []string{`"localhost:6379"`, "unknown scheme"}},
		"another scheme":           {"http://:hunter2@h", shop, []string{"unknown scheme", "redis://"}},
		"no host":                  {"redis://:hunter2@", shop, []string{"host 1", "redis://:***@", "[user[:password]@]host"}},
		"two hosts":                {"redis://:hunter2@a,b", shop, []string{"several hosts", "Cluster or Sentinels"}},
		"no port":                  {"redis://:hunter2@h:0", shop, []string{"h:0", "1 to 65535"}},
		"no database":              {"redis://:hunter2@h/cache", shop, []string{"h/cache", "database is not a number"}},
		"a database of a Cluster":  {"redis-cluster://:hunter2@h/1", shop, []string{"h/1", "Cluster has only one"}},
		"a query":                  {"redis://:hunter2@h?timeout=hunter2", shop, []string{"?***", "query"}},
		"an unknown query":         {"redis-sentinel://:hunter2@h/m?tls=hunter2", shop, []string{"?***", "unknown key", "sentinel_password"}},
		"no master's name":         {"redis-sentinel://:hunter2@h", shop, []string{"lacks the name", "/mymaster"}},
		"a password with a slash":  {"redis://:hunter2/x@h", shop, []string{"%2F"}},
		"a user without password":  {"redis://joe@h", shop, []string{"user without a password", ":password@host"}},
		"two passwords":            {"redis://:hunter2@h", with(func(o *Options) { o.Connection.Password = badPassword }), []string{"URL and in the options"}},
		"a password and a source":  {"redis://:hunter2@h", with(func(o *Options) { o.Connection.Credentials = credentials }), []string{"credentials function"}},
		"TLS without a URL for it": {"redis://:hunter2@h", with(func(o *Options) { o.Connection.TLS = &tls.Config{MinVersion: tls.VersionTLS12} }), []string{"rediss"}},
		"a negative timeout":       {"redis://:hunter2@h", with(func(o *Options) { o.Connection.DialTimeout = -1 }), []string{"dial timeout", "negative"}},
		"no service":               {"redis://:hunter2@h", Options{}, []string{"Options.Service is empty"}},
		"service and prefix":       {"redis://:hunter2@h", Options{Service: "shop", Prefix: "p"}, []string{"Service", "Prefix"}},
		// A brace would put all sessions, or a session and its principal's
		// epoch, into other slots than the scripts need.
		"a hash tag as prefix":  {"redis-cluster://:hunter2@h", Options{Prefix: "{shop}:"}, []string{"{shop}:", "brace"}},
		"half a hash tag":       {"redis-cluster://:hunter2@h", Options{Service: "shop}"}, []string{"shop}", "brace"}},
		"a grace of an hour":    {"redis://:hunter2@h", with(func(o *Options) { o.Cache.ReadGrace = time.Hour }), []string{"Options.Cache", "ReadGrace", "1h0m0s", "1m0s"}},
		"a lease of a minute":   {"redis://:hunter2@h", with(func(o *Options) { o.Cache.Lease = time.Minute }), []string{"Options.Cache", "lease", "1m0s", "1s"}},
		"a memory of one byte":  {"redis://:hunter2@h", with(func(o *Options) { o.Cache.MaxBytes = 1 }), []string{"Options.Cache", "ytes"}},
		"fewer than 0 replicas": {"redis://:hunter2@h", with(func(o *Options) { o.Durability.Replicas = -1 }), []string{"Options.Durability", "eplicas"}},
	} {
		s, err := New(c.url, c.opt)
		if err == nil {
			_ = s.Close()
		}
		says(t, name, err, c.say...)
	}
	s, err := New("redis://:hunter2@h", shop)
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	_ = s.Close()
}

// says checks that an error says all the words and no password.
func says(t *testing.T, name string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q does not say %q", name, err, w)
		}
	}
	if strings.Contains(err.Error(), badPassword) {
		t.Errorf("%s: the password is in %q", name, err)
	}
}

// What is wrong with the server is said by the first call, with the server's
// address and what to do. None of it is a verdict on the session.
func TestBadInputServers(t *testing.T) {
	plain, locked := redistest.Start(t), redistest.Start(t, "--requirepass", "right")
	node := redistest.Start(t, "--cluster-enabled", "yes")
	watch := redistest.StartSentinels(t, 1, plain.Addr, "shop")[0]
	scriptless := append(documented(t), "-evalsha", "-eval")
	elsewhere := append(documented(t), "resetkeys", "~{ek:other:*")
	for i, user := range [][]string{scriptless, elsewhere} {
		user[2] = []string{"scriptless", "elsewhere"}[i]
		user[4] = ">" + badPassword
		downDo(t, plain, user...)()
	}
	nobody := fmt.Sprintf("127.0.0.1:%d", proctest.FreePort(t))
	old := oldServer(t, "6.0.16")
	for name, c := range map[string]struct {
		url string
		say []string
	}{
		"nobody is there":              {"redis://:hunter2@" + nobody, []string{nobody, "unreachable", "refused"}},
		"no password":                  {"redis://" + locked.Addr, []string{locked.Addr, "unauthorized", "wants a password"}},
		"a wrong password":             {"redis://:hunter2@" + locked.Addr, []string{locked.Addr, "unauthorized", "do not match"}},
		"an unknown user":              {"redis://joe:hunter2@" + locked.Addr, []string{locked.Addr, "unauthorized", "ACL LIST"}},
		"a user without scripts":       {"redis://scriptless:hunter2@" + plain.Addr, []string{plain.Addr, "forbidden", "ACL SETUSER", "+evalsha"}},
		"a user of other keys":         {"redis://elsewhere:hunter2@" + plain.Addr, []string{plain.Addr, "forbidden", "~<prefix>"}},
		"a database too many":          {"redis://" + plain.Addr + "/99", []string{plain.Addr, "fewer databases"}},
		"TLS with a server without":    {"rediss://:hunter2@" + plain.Addr, []string{plain.Addr, "redis instead of rediss"}},
		"redis, but a Cluster":         {"redis://" + node.Addr, []string{node.Addr, "node of a Cluster", "redis-cluster://"}},
		"redis, but a Sentinel":        {"redis://" + watch.Addr, []string{watch.Addr, "Sentinel", "redis-sentinel://"}},
		"redis-cluster, but a server":  {"redis-cluster://" + plain.Addr, []string{plain.Addr, "not part of a Cluster", "redis://"}},
		"redis-cluster, no slots":      {"redis-cluster://" + node.Addr, []string{node.Addr, "slot"}},
		"redis-sentinel, but a server": {"redis-sentinel://" + plain.Addr + "/shop", []string{plain.Addr, "no Sentinel", "redis://"}},
		"another master's name":        {"redis-sentinel://" + watch.Addr + "/other", []string{watch.Addr, "other", "SENTINEL MASTERS"}},
		"Redis 6.0":                    {"redis://:hunter2@" + old, []string{old, "6.0.16", "6.2", "upgrade"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []session.CacheMode{session.CacheOff, session.CacheBounded} {
				log := &downLog{}
				s, err := New(c.url, Options{Service: "shop", Logger: slog.New(slog.NewTextHandler(log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				_, err = s.Load(ctx, "AAAAAAAAAAAAAAAA", session.LoadOptions{Verifiers: make([]session.Hash, 1), Cache: mode})
				says(t, "load", err, c.say...)
				if class(err) != "no verdict" {
					t.Errorf("load: %v is a verdict", err)
				}
				cancel()
				_ = s.Close()
				if strings.Contains(log.String(), badPassword) {
					t.Errorf("the password is in the log: %s", log)
				}
			}
		})
	}
	s, err := New("redis-sentinel://"+watch.Addr+"/shop", Options{Service: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Load(t.Context(), "AAAAAAAAAAAAAAAA", session.LoadOptions{}); class(err) != session.ErrNotFound.Error() {
		t.Errorf("control: %v", err)
	}
}

// oldServer answers as a server of that version does for as long as it takes
// to find out.
func oldServer(t *testing.T, version string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerAsOld(c, version)
		}
	}()
	return l.Addr().String()
}

func answerAsOld(c net.Conn, version string) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		words, err := readCommand(r)
		if err != nil {
			return
		}
		answer := "+OK\r\n"
		switch strings.ToUpper(words[0]) {
		case "HELLO":
			answer = "%3\r\n+server\r\n+redis\r\n+version\r\n+" + version + "\r\n+proto\r\n:3\r\n"
		case "INFO":
			text := "# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\nrole:master\r\n"
			answer = fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// readCommand reads an array of strings.
func readCommand(r *bufio.Reader) (words []string, err error) {
	var n, size int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil || n < 1 {
		return nil, fmt.Errorf("no command: %w", err)
	}
	for range n {
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		words = append(words, string(b[:size]))
	}
	return words, nil
}

// What is no session cookie is nobody's, and costs no call of the server; a new
// session replaces it.
func TestBadInputCookies(t *testing.T) {
	server := redistest.Start(t)
	s := newDownService(t, downModes[1], "redis://"+server.Addr, Connection{}, nil)
	good := s.signedIn(t, "alice").jar["__Host-session"]
	for name, line := range map[string]string{
		"8 KB":                   "__Host-session=" + strings.Repeat("x", 8<<10),
		"8 KB that begins well":  "__Host-session=" + good + strings.Repeat("A", 8<<10),
		"two, one of them good":  "__Host-session=" + good + "; __Host-session=planted",
		"the good one twice":     "__Host-session=" + good + "; __Host-session=" + good,
		"two of two headers":     "__Host-session=planted\x00__Host-session=" + good,
		"another key's verifier": "__Host-session=" + strings.Replace(good, ".", "..", 1),
	} {
		lines := strings.Split(line, "\x00")
		before, malformed := s.store.Stats().Calls, s.manager.Stats().Malformed
		b := s.browser()
		if a := b.send("/who", lines...); a.code != http.StatusOK || a.body != "nobody" || len(a.cookies) > 0 {
			t.Errorf("%s: got %d %q, %d cookies, %v", name, a.code, a.body, len(a.cookies), a.err)
		}
		if calls, n := s.store.Stats().Calls-before, s.manager.Stats().Malformed-malformed; calls != 0 || n != 1 {
			t.Errorf("%s: %d calls of the server, %d malformed cookies, want none and one", name, calls, n)
		}
		if a := b.send("/in?u=bob", lines...); a.code != http.StatusOK || len(a.cookies) != 1 {
			t.Errorf("%s: a sign-in got %d %q, %d cookies, %v", name, a.code, a.body, len(a.cookies), a.err)
		}
		b.must(t, "/who", "bob 0 0")
	}
	if a := s.browser().send("/who", "a=b; __Host-session="+good); a.body != "alice 0 0" {
		t.Errorf("control: got %d %q, %v", a.code, a.body, a.err)
	}
}

// The server's clock counts: one that is minutes off costs nobody a request.
func TestBadInputClocks(t *testing.T) {
	server := redistest.Start(t)
	for _, off := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute} {
		for _, mode := range downModes[:3] {
			t.Run(fmt.Sprint(mode.name, off), func(t *testing.T) {
				s := newDownService(t, mode, "redis://"+server.Addr, Connection{}, nil)
				s.store.setClock(func() time.Time { return time.Now().Add(off) })
				b := s.signedIn(t, "alice")
				for i := 1; i <= 3; i++ {
					b.must(t, fmt.Sprint("/write?v=", i), "written")
					b.must(t, "/who", fmt.Sprint("alice ", i, " ", i))
				}
				b.must(t, "/out", "out")
				b.must(t, "/who", "nobody")
				if late := s.manager.Stats().Late; late > 1 || (late == 1) != (off > 0) {
					t.Errorf("%d writes were late, want one only until the clock is known", late)
				}
			})
		}
	}
}

// Beyond a limit a change is refused when it is made, and the server keeps what
// it had; also what another instance has added meanwhile counts.
func TestBadInputBeyondLimits(t *testing.T) {
	server := redistest.Start(t)
	r := newRig(t, server, setTo("a", strings.Repeat("x", 100)))
	before := r.fields(t)
	for what, limits := range map[string]session.Limits{
		`attribute "b" would have 101 bytes, at most 100`: {AttributeBytes: 100},
		"the session would have 202 bytes, at most 150":   {SessionBytes: 150},
		"the session would have 2 attributes, at most 1":  {Attributes: 1},
	} {
		c := r.change("w"+what[:14], setTo("b", strings.Repeat("x", 100)))
		c.Limits = limits
		_, err := r.Commit(t.Context(), r.key, c)
		says(t, what, err, "limit", what)
		if session.Status(err) != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", what, session.Status(err))
		}
	}
	if after := r.fields(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it was %q and is %q", before, after)
	}

	s := newDownService(t, downModes[1], "redis://"+server.Addr, Connection{}, nil)
	b := s.signedIn(t, "alice")
	commits := s.manager.Stats().Commits
	if a := b.send("/fill?n=70000", b.cookies()); a.code != http.StatusRequestEntityTooLarge || len(a.cookies) > 0 {
		t.Errorf("too large: got %d %q, %v", a.code, a.body, a.err)
	}
	if n := s.manager.Stats().Commits - commits; n != 0 {
		t.Errorf("%d commits were sent", n)
	}
	b.must(t, "/who", "alice 0 0")
	b.must(t, "/fill?n=60000", "filled")
}
