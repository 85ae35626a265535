package link

import (
	"regexp"
	"strings"
)

const masked = "***"

var (
	hostAndPort = regexp.MustCompile(`^[A-Za-z0-9.-]+:[0-9]{1,5}$`)
	database    = regexp.MustCompile(`^db=[0-9]*$`)
)

// Mask returns a server's URL without what may be secret, to be shown. It takes
// any text: the less it looks like a URL, the less of it is left.
func Mask(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if _, known := forms[scheme]; !ok || !known {
		if hostAndPort.MatchString(url) { // a URL without its scheme
			return url
		}
		return masked
	}
	scheme += "://"
	at := strings.LastIndex(rest, "@")
	if special := strings.IndexAny(rest, "?#"); special >= 0 && special < at {
		return scheme + masked // no telling where the password ends
	}
	rest, query, asked := strings.Cut(rest, "?")
	rest, _, anchored := strings.Cut(rest, "#")
	if at >= 0 {
		name, password, _ := strings.Cut(rest[:at], ":")
		if password != "" && !strings.Contains(name, "/") {
			name += ":"
		} else {
			name = ""
		}
		rest = name + masked + rest[at:]
	}
	if anchored {
		return scheme + rest + "#" + masked
	}
	if asked {
		rest += "?" + maskQuery(query)
	}
	return scheme + rest
}

func maskQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		if database.MatchString(p) {
			continue
		}
		pairs[i] = masked // an unknown key may be a piece of a password with an & in it
		if key, _, ok := strings.Cut(p, "="); ok && (key == "sentinel_user" || key == "sentinel_password") {
			pairs[i] = key + "=" + masked
		}
	}
	return strings.Join(pairs, "&")
}
