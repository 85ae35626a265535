package gateway

import (
	"time"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// fileAffinity stands beside the groups, for all of them, or in a group.
type fileAffinity struct {
	policy.Affinity `yaml:",inline"`
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
	o := AffinityOptions{Cookie: a.Cookie, AppCookie: a.AppCookie, Header: a.Header, LoadFactor: a.LoadFactor, IdleTimeout: idle}
	if a.Mode != "" {
		// The policy has taken the word; a test compares the two lists.
		_ = o.Mode.UnmarshalText([]byte(a.Mode))
	}
	return o
}
