package check

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// loggedOut ends the epoch; only an acknowledged logout has to be final.
func (v *visit) loggedOut() {
	v.e.endCall = min(v.e.endCall, v.op.Call)
	if v.op.Outcome == history.OK {
		v.e.logoutRet = min(v.e.logoutRet, v.op.Return)
	}
}

// replay judges the cookie of an epoch that was logged out (G9), or an older one
// of an epoch that was not (G8).
func (v *visit) replay() {
	end := v.u.ending(v.op.Epoch)
	if end == nil {
		return
	}
	if end.logoutRet < v.op.Call {
		v.afterLogout(end)
		return
	}
	if e := v.u.epoch(v.op.Epoch); e != nil {
		v.oldGeneration(e)
	}
}

// afterLogout judges an answer to a cookie whose session was logged out.
func (v *visit) afterLogout(end *ending) {
	op := v.op
	known := op.Outcome == history.OK && op.Seen != nil
	opened := known && (op.Seen.User != "" || len(op.Seen.Tokens) > 0)
	if !op.Anonymous && !known {
		return
	}
	if !end.replayed {
		end.replayed = true
		v.s.tally.exposed[G9]++
	}
	if !opened {
		end.lastDead = max(end.lastDead, op.Return)
		return
	}
	if end.undone {
		return
	}
	end.undone = true
	v.fileNow(finding{id: G9, lastGood: min(max(end.logoutRet, end.lastDead), op.Return), at: op.Return,
		detail: fmt.Sprintf("the session cookie of %s opens the session again after its logout", v.u.name),
	}, "alive after the logout")
}
