package engine

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// wantPlausible checks what every user's history has to be, whatever the
// service did. The operations are of any number of users.
func wantPlausible(t *testing.T, all []history.Op, quiet time.Duration) {
	t.Helper()
	tokens := map[string]bool{}
	users := map[int][]history.Op{}
	for _, op := range all {
		users[op.User] = append(users[op.User], op)
		if op.Kind != history.Append {
			continue
		}
		if tokens[op.Token] {
			t.Errorf("token %q twice", op.Token)
		}
		tokens[op.Token] = true
		if u, ok := history.TokenUser(op.Token); !ok || u != op.User || op.Key == "" {
			t.Errorf("token %q of user %d for key %q", op.Token, op.User, op.Key)
		}
	}
	for _, ops := range users {
		slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
		wantPlausibleUser(t, ops, quiet)
	}
}

func wantPlausibleUser(t *testing.T, ops []history.Op, quiet time.Duration) {
	t.Helper()
	login := map[int]history.Op{}      // acknowledged, by epoch
	settled := map[int]time.Duration{} // return of the last answered settle read
	logout := map[int]time.Duration{}  // return of the first acknowledged logout
	epoch := 0
	quietFrom := time.Duration(0) // latest return so far
	for i, op := range ops {
		if op.Return < op.Call {
			t.Fatalf("%v returns at %v before its call at %v", op.Kind, op.Return, op.Call)
		}
		overlap := 0
		for _, other := range ops[max(0, i-200):i] { // nothing takes longer than these
			if other.Return <= op.Call {
				continue
			}
			overlap++
			if op.Kind == history.Append && other.Kind == history.Append && op.Key == other.Key {
				t.Errorf("overlapping appends to %s at %v", op.Key, op.Call)
			}
			if op.Kind == history.Rotate && other.Kind == history.Rotate {
				t.Errorf("overlapping renewals at %v", op.Call)
			}
			if op.Kind == history.Login {
				t.Errorf("login at %v while %v is in flight", op.Call, other.Kind)
			}
		}
		if overlap >= 6 {
			t.Errorf("%d requests in flight at %v", overlap+1, op.Call)
		}
		if op.Settle && quietFrom+quiet > op.Call {
			t.Errorf("settle read at %v, but something returned at %v", op.Call, quietFrom)
		}
		quietFrom = max(quietFrom, op.Return)
		switch op.Kind {
		case history.Login:
			epoch++
			if op.Epoch != epoch {
				t.Errorf("login %d has epoch %d", epoch, op.Epoch)
			}
			if op.Outcome == history.OK {
				login[op.Epoch] = op
			}
		case history.Replay:
			if ret, over := logout[op.Epoch]; op.Epoch != epoch && !over || over && op.Call < ret {
				t.Errorf("replay of epoch %d at %v, which had not ended", op.Epoch, op.Call)
			}
			if op.Sent == "" {
				t.Errorf("replay without a cookie")
			}
		default:
			in, ok := login[op.Epoch]
			if !ok || op.Epoch != epoch || op.Call < in.Return {
				t.Errorf("%v of epoch %d at %v outside of it", op.Kind, op.Epoch, op.Call)
			}
		}
		if op.Settle && (op.Outcome == history.OK || op.Anonymous) {
			settled[op.Epoch] = op.Return
		}
		if op.Kind == history.Logout {
			wantSettledBefore(t, ops[:i], op, settled[op.Epoch])
			if _, before := logout[op.Epoch]; op.Outcome == history.OK && !before {
				logout[op.Epoch] = op.Return
			}
		}
	}
}

// wantSettledBefore: between the settle read and the logout there is at most
// the one last request, and attempts at the logout.
func wantSettledBefore(t *testing.T, before []history.Op, logout history.Op, settled time.Duration) {
	t.Helper()
	if settled == 0 || settled > logout.Call {
		t.Errorf("logout at %v without a settle read", logout.Call)
		return
	}
	last := 0
	for _, op := range before {
		if op.Call >= settled && !op.Settle && op.Kind != history.Logout && op.Epoch == logout.Epoch {
			last++
		}
	}
	if last > 1 {
		t.Errorf("%d operations between the settle read and the logout at %v", last, logout.Call)
	}
}
