package report

import (
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// word is how the page puts a guarantee to people who do not know the drill.
type word struct {
	promise  string // as a user would say it
	expected string // of the service, in one sentence
	unit     string // of its exposures
}

var wordOf = map[check.ID]word{
	check.G1: {"You stay signed in",
		"Somebody who has signed in, has not signed out and was not idle for too long is known to every instance.",
		"sessions × events"},
	check.G2: {"What you have seen does not vanish",
		"What a read has shown once, every later read shows too.",
		"writes seen"},
	check.G3: {"You see your own changes",
		"A read that begins after a change was acknowledged shows the change.",
		"writes read back"},
	check.G4: {"An acknowledged change is kept",
		"A change that was acknowledged is there when everything has come to rest, even if others were made at the same time.",
		"acknowledged writes"},
	check.G5: {"Counting is exact",
		"Every increment gives a number of its own, and the final count is that of the increments.",
		"increments"},
	check.G6: {"You see only what is yours",
		"No answer shows the name, the data or the cookie of another user.",
		"answers"},
	check.G7: {"Sessions end when they should",
		"A session lives until its time-out, and not beyond.",
		"time-outs"},
	check.G8: {"A new session ID throws nobody out",
		"While the session ID is renewed the user stays signed in; afterwards the old ID opens nothing.",
		"renewals"},
	check.G9: {"Signed out stays signed out",
		"After signing out, the old cookie never opens the session again.",
		"logouts tried again"},
	check.G10: {"Every request is answered",
		"Every request is answered, and not with an error of the service.",
		"requests"},
	check.G11: {"Streams go on without a gap",
		"A stream that breaks goes on where it was, without a gap and without repeating.",
		"streams"},
	check.G12: {"Nothing is done twice",
		"A change that was sent once is made once.",
		"writes seen"},
}

// unit of a guarantee's exposures. Without events those of G1 are others.
func unit(id check.ID, events int) string {
	if id == check.G1 && events == 0 {
		return "sessions checked twice"
	}
	return wordOf[id].unit
}

// harmed is so many violations in plain words: 2 sessions lost.
func harmed(id check.ID, n int) string {
	return plural(n, harmWords[id][0], harmWords[id][1])
}

// list joins with commas and a last "and".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// maxSaid bounds what is shown of one text that the service had a hand in.
const maxSaid = 200

// say makes a text of others fit for the page: no commands, and not too long.
// It is not escaped; the template does that.
func say(s string) string { return clip(s, maxSaid) }

// clip shortens to n characters.
func clip(s string, n int) string {
	if len(s) > 4*n { // no need to look at all of it
		s = strings.ToValidUTF8(s[:4*n], "?") + "…"
	}
	r := []rune(clean(s))
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}
