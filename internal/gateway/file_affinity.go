package gateway

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
)

// fileAffinity stands beside the groups, for all of them, or in a group.
type fileAffinity struct {
	Mode       AffinityMode `yaml:"mode"`
	Cookie     string       `yaml:"cookie"`
	AppCookie  string       `yaml:"app_cookie"`
	Header     string       `yaml:"header"`
	LoadFactor float64      `yaml:"load_factor"`
}

// Validate implements config.Validator.
func (a fileAffinity) Validate(at config.At) {
	for _, w := range a.options(0).wrongs() {
		if w.found == nil {
			at.Errorf(w.key, "missing, allowed: %s", w.allowed)
		} else {
			at.Errorf(w.key, "found %s, allowed: %s", at.Found(w.key, w.found), w.allowed)
		}
	}
}

func (a fileAffinity) options(idle time.Duration) AffinityOptions {
	return AffinityOptions{Mode: a.Mode, Cookie: a.Cookie, AppCookie: a.AppCookie, Header: a.Header, LoadFactor: a.LoadFactor, IdleTimeout: idle}
}
