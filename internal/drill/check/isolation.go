package check

import (
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// cookieIndex remembers who was given a cookie value, by a hash of it, for the
// last issuedValues values of every user.
type cookieIndex struct {
	once  sync.Once
	seed  maphash.Seed
	mu    sync.Mutex
	owner map[uint64]int
}

// claim notes that the user was given the value, and returns whose it was
// before. It is called under the lock of u's shard.
func (x *cookieIndex) claim(value string, u *user) (owner int) {
	x.once.Do(func() { x.seed, x.owner = maphash.MakeSeed(), map[uint64]int{} })
	hash := maphash.String(x.seed, value)
	x.mu.Lock()
	defer x.mu.Unlock()
	if owner, ok := x.owner[hash]; ok {
		return owner
	}
	if oldest := u.issued[u.next]; oldest != 0 {
		delete(x.owner, oldest)
	}
	u.issued[u.next] = hash
	u.next = (u.next + 1) % issuedValues
	x.owner[hash] = u.id
	return u.id
}

// foreign judges isolation: true if the answer showed or gave anything of
// another user. Such an answer is judged by nothing else. A cookie value that a
// logout or an anonymous answer sets is a deletion.
func (v *visit) foreign() bool {
	op, cookie := v.op, v.op.SetCookie
	if op.Anonymous || op.Kind == history.Logout || op.Kind == history.Replay {
		cookie = ""
	}
	shows := op.Seen != nil && (op.Seen.User != "" || len(op.Seen.Tokens) > 0)
	if !shows && cookie == "" {
		return false
	}
	v.s.tally.exposed[G6]++
	what := ""
	if shows {
		what = v.shown(op.Seen)
	}
	if cookie != "" {
		if owner := v.c.cookies.claim(cookie, v.u); owner != v.u.id && what == "" {
			what = "a session cookie that was given to " + v.c.opt.UserName(owner)
		}
	}
	if what == "" {
		return false
	}
	v.fileNow(finding{id: G6, lastGood: op.Call, at: op.Return,
		detail: fmt.Sprintf("%s was answered with %s", v.u.name, what)}, what)
	return true
}

// shown names what of another user an answer shows, "" if nothing. Tokens that
// are known in the epoch are the user's own.
func (v *visit) shown(seen *history.Seen) string {
	if seen.User != "" && seen.User != v.u.name {
		return "the marker of " + seen.User
	}
	e := v.u.epoch(v.op.Epoch)
	for _, text := range seen.Tokens {
		if e != nil {
			if _, ok := e.tokens.known[text]; ok {
				continue
			}
		}
		if owner, ours := v.c.opt.TokenUser(text); ours && owner != v.u.id {
			return fmt.Sprintf("token %s of %s", text, v.c.opt.UserName(owner))
		}
	}
	return ""
}
