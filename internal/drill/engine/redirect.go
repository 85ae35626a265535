package engine

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ErrElsewhere is returned by Client.Within for a redirect that leaves the
// service: users take their credentials nowhere else.
var ErrElsewhere = errors.New("redirect to another host")

// Within resolves the Location of an answer to a request for path, and returns
// the path to ask for next, with its query. Scheme, host and port must be those
// of one of the targets, and the path must lie below that target's.
func (c *Client) Within(path, location string) (string, error) {
	to, err := url.Parse(location)
	if err != nil {
		return "", fmt.Errorf("redirect: Location: %w", err)
	}
	if location == "" {
		return "", errors.New("redirect without a Location")
	}
	for _, e := range c.entrances {
		base, err := url.Parse(e.url() + path)
		if err != nil {
			return "", fmt.Errorf("redirect: %w", err)
		}
		next := base.ResolveReference(to)
		if next.Scheme != base.Scheme || !strings.EqualFold(authority(next), authority(base)) {
			continue
		}
		below, ok := strings.CutPrefix(next.EscapedPath(), e.path)
		if !ok || below != "" && below[0] != '/' {
			continue
		}
		if below == "" {
			below = "/"
		}
		if next.RawQuery != "" {
			below += "?" + next.RawQuery
		}
		return below, nil
	}
	return "", fmt.Errorf("%w: Location %.200q is not below %s", ErrElsewhere, location, c.entrances[0].url())
}

// url is the entrance as a target is written.
func (e *entrance) url() string {
	if e.tls != nil {
		return "https://" + e.host + e.path
	}
	return "http://" + e.host + e.path
}

// authority is host and port, the scheme's port where none is given.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Hostname() + ":" + port
}

// IsRedirect tells whether a status sends a browser on to the Location.
func IsRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
