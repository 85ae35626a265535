package journey

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// tokens puts tokens into a form that travels: u17-2-33-RUN is u17x2x33xMARK,
// letters and digits, which no escaping touches and \w+ matches. The mark is
// random, so that what accounts have kept of earlier runs is not taken for this
// one's. Safe for concurrent use.
type tokens struct {
	mark string
	run  atomic.Pointer[string] // of the tokens of this run, with its dash; nil: none was sent
}

func newTokens() *tokens { return &tokens{mark: strings.ToLower(rand.Text()[:10])} }

// wire is a history.Token as it is sent.
func (t *tokens) wire(token string) string {
	parts := strings.SplitN(token, "-", 4)
	if len(parts) < 3 {
		return token
	}
	if t.run.Load() == nil {
		run := ""
		if len(parts) == 4 {
			run = "-" + parts[3]
		}
		t.run.CompareAndSwap(nil, &run)
	}
	return strings.Join(parts[:3], "x") + "x" + t.mark
}

// of are the history's tokens among the texts of a read by op. What the user
// itself wrote in other epochs is left out: a service may keep it or not.
func (t *tokens) of(texts []string, op *history.Op) []string {
	run := t.run.Load()
	if run == nil {
		return nil
	}
	var out []string
	for _, s := range texts {
		parts := strings.SplitN(strings.TrimSpace(s), "x", 4) // the mark may have an x
		if len(parts) != 4 || parts[3] != t.mark {
			continue
		}
		if parts[0] == history.UserName(op.User) && parts[1] != strconv.Itoa(op.Epoch) {
			continue
		}
		out = append(out, strings.Join(parts[:3], "-")+*run)
	}
	return out
}
