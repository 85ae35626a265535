package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mode is how the servers hang together.
type mode uint8

const (
	standalone mode = iota
	sentinel
	cluster
)

// location is what a URL says.
type location struct {
	mode     mode
	tls      bool
	hosts    []string // host:port, at least one; of Sentinels in that mode
	username string
	password string
	db       int
	master   string // the name that Sentinels know the servers by

	sentinelUsername string
	sentinelPassword string
}

// name is the location for a person, before the servers are known.
func (u location) name() string {
	name := strings.Join(u.hosts, ",")
	if u.mode == sentinel {
		name += "/" + u.master
	}
	return name
}

// form is what a scheme means and what may follow it.
type form struct {
	mode mode
	tls  bool
	rest string
}

const (
	oneHost       = "[user[:password]@]host[:port][/db]"
	sentinelHosts = "[user[:password]@]host[:port][,host…]/master-name[?db=0&sentinel_user=…&sentinel_password=…]"
	clusterHosts  = "[user[:password]@]host[:port][,host…]"
)

var forms = map[string]form{
	"redis":           {standalone, false, oneHost},
	"rediss":          {standalone, true, oneHost},
	"redis-sentinel":  {sentinel, false, sentinelHosts},
	"rediss-sentinel": {sentinel, true, sentinelHosts},
	"redis-cluster":   {cluster, false, clusterHosts},
	"rediss-cluster":  {cluster, true, clusterHosts},
}

// parse reads a URL. Its errors never quote a part of the URL by itself, since
// a misplaced character can make any part of it the password; they show all of
// it, masked.
func parse(raw string) (location, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	f, known := forms[scheme]
	if !found || !known {
		return location{}, fmt.Errorf("redis URL %q: unknown scheme, want one of %s", Mask(raw), schemes())
	}
	u, err := f.parse(rest)
	if err != nil {
		return location{}, fmt.Errorf("redis URL %q: %w; allowed is %s://%s", Mask(raw), err, scheme, f.rest)
	}
	return u, nil
}

func schemes() string {
	names := make([]string, 0, len(forms))
	for s := range forms {
		names = append(names, s+"://")
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (f form) parse(rest string) (location, error) {
	u := location{mode: f.mode, tls: f.tls}
	before, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(before, "/")
	if strings.Contains(rest, "#") || strings.Contains(path+query, "@") {
		return u, errors.New("it has a special character in the wrong place: in a user, password or name write % as %25, / as %2F, ? as %3F, # as %23 and @ as %40")
	}
	hosts := authority
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		hosts = authority[at+1:]
		if err := u.user(authority[:at]); err != nil {
			return u, err
		}
	}
	return u, errors.Join(u.servers(hosts), u.path(path), u.query(query))
}

func (u *location) user(s string) (err error) {
	name, password, _ := strings.Cut(s, ":")
	if u.username, err = url.PathUnescape(name); err != nil {
		return errors.New("the user is not percent-encoded right")
	}
	if u.password, err = url.PathUnescape(password); err != nil {
		return errors.New("the password is not percent-encoded right")
	}
	return nil
}

func (u *location) servers(list string) error {
	port := "6379"
	if u.mode == sentinel {
		port = "26379"
	}
	for i, s := range strings.Split(list, ",") {
		h, err := server(s, port)
		if err != nil {
			return fmt.Errorf("host %d: %w", i+1, err)
		}
		if slices.Contains(u.hosts, h) {
			return fmt.Errorf("host %d is there twice", i+1)
		}
		u.hosts = append(u.hosts, h)
	}
	if u.mode == standalone && len(u.hosts) > 1 {
		return errors.New("it has several hosts, which only a Cluster or Sentinels have")
	}
	return nil
}

// server is host:port of what may lack the port.
func server(s, port string) (string, error) {
	host := s
	switch colon := strings.LastIndex(s, ":"); {
	case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
	case colon >= 0:
		host, port = s[:colon], s[colon+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("its port is not a number from 1 to 65535")
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, ok = strings.CutSuffix(inner, "]")
		if a, err := netip.ParseAddr(host); !ok || err != nil || !a.Is6() {
			return "", errors.New("it is no IPv6 address between [ and ]")
		}
	} else if host == "" || strings.ContainsFunc(host, notOfHost) {
		return "", errors.New("it is no host name or address (an IPv6 address stands between [ and ])")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

func notOfHost(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r)
}

func (u *location) path(path string) (err error) {
	switch u.mode {
	case standalone:
		if path != "" {
			return u.database(path)
		}
	case cluster:
		if path != "" {
			return errors.New("it names a database, but a Cluster has only one")
		}
	case sentinel:
		if u.master, err = url.PathUnescape(path); err != nil {
			return errors.New("the master's name is not percent-encoded right")
		}
		if path == "" || strings.Contains(path, "/") {
			return errors.New("it lacks the name that the Sentinels know the master by, as in …:26379/mymaster")
		}
	}
	return nil
}

func (u *location) database(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return errors.New("the database is not a number")
	}
	u.db = int(n)
	return nil
}

func (u *location) query(query string) (err error) {
	if query == "" {
		return nil
	}
	if u.mode != sentinel {
		return errors.New("it has a query, which only Sentinel URLs have")
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if seen[key] {
			return errors.New("its query has a key twice")
		}
		seen[key] = true
		if value, err = url.PathUnescape(value); err != nil {
			return errors.New("its query is not percent-encoded right")
		}
		switch key {
		case "db":
			err = u.database(value)
		case "sentinel_user":
			u.sentinelUsername = value
		case "sentinel_password":
			u.sentinelPassword = value
		default:
			err = errors.New("its query has an unknown key")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
