package history

import (
	"fmt"
	"strconv"
	"strings"
)

var kindNames = [...]string{
	Login: "login", Append: "append", State: "state", Incr: "incr",
	Rotate: "rotate", Logout: "logout", Replay: "replay", Slow: "slow",
	Stream: "stream",
}

// String is the name of the probe's call, and "replay".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

var outcomeNames = [...]string{OK: "ok", Failed: "failed", Unknown: "unknown"}

// String is ok, failed or unknown.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "outcome(" + strconv.Itoa(int(o)) + ")"
}

// UserName is how the user logs in and what a marker shows: u17.
func UserName(user int) string { return "u" + strconv.Itoa(user) }

// Token is a token that names its user, so that whoever sees it can tell whose
// it is without remembering all tokens: u17-2-33-RUN for write seq of epoch 2.
// A run that differs from all earlier runs against the same service keeps it
// unique; it may be empty.
func Token(run string, user, epoch, seq int) string {
	token := fmt.Sprintf("u%d-%d-%d", user, epoch, seq)
	if run != "" {
		token += "-" + run
	}
	return token
}

// TokenUser is the user a Token was made for; false for any other text.
func TokenUser(token string) (user int, ok bool) {
	name, _, found := strings.Cut(token, "-")
	if !found {
		return 0, false
	}
	digits, found := strings.CutPrefix(name, "u")
	if !found || digits == "" || digits[0] == '+' || digits[0] == '-' {
		return 0, false
	}
	user, err := strconv.Atoi(digits)
	return user, err == nil
}
