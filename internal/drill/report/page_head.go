package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// head is the answer to: did anybody get hurt?
type head struct {
	Title    string
	Tone     string // good, bad, unsure
	Word     string // FAIL
	Headline string
	Why      string
	Run      string
	Started  string
	Tiles    []tile
}

// tile is one figure of the head.
type tile struct {
	Tone         string // good, bad, unsure, unknown
	Figure, Name string
	Notes        []string
}

var tones = map[check.Verdict]string{check.VerdictPass: "good", check.VerdictFail: "bad"}

func newHead(r Result) head {
	h := head{Tone: tones[r.Verdict], Word: cmp.Or(verdictWord(r.Verdict), "?"), Tiles: tiles(r), Run: capital(runLine(r)) + "."}
	if h.Tone == "" {
		h.Tone = "unsure"
	}
	h.Headline, h.Why = headline(r)
	subject := "evenkeel drill"
	if r.Strategy != "" {
		subject = clip(r.Strategy, 60)
		h.Run = "Strategy " + subject + ". " + h.Run
	}
	h.Title = h.Word + ": " + subject
	if !r.Started.IsZero() {
		h.Started = r.Started.UTC().Format("2006-01-02 15:04:05 MST")
	}
	return h
}

// maxWhy bounds the reasons that are given with a verdict.
const maxWhy = 700

// headline is the verdict in one plain sentence, and what must be said with it.
func headline(r Result) (line, also string) {
	switch r.Verdict {
	case check.VerdictPass:
		line = "Nobody was hurt."
		also = capital(safe(r.Outcome)) + "."
		if len(r.Outcome.Events) == 0 {
			also += " But nothing was scaled, either."
		}
		return line, also
	case check.VerdictFail:
		words := harm(r.Outcome)
		if more := len(words) - 4; more > 1 {
			words = append(words[:4], fmt.Sprintf("%d other kinds of harm", more))
		}
		if len(words) == 0 {
			return "Users were hurt.", ""
		}
		return "Users were hurt: " + list(words) + ".", attributed(r.Outcome)
	case check.VerdictEventFailed:
		return "The test could not be carried out: an event failed.", capital(sentence(why(r), maxWhy))
	case check.VerdictInconclusive:
		return "This run proves nothing, for better or worse.", "Because " + sentence(strings.Join(reasons(r), "; "), maxWhy)
	case check.VerdictNotExercised:
		return "Nobody was hurt, but not everything was put to the test.", capital(sentence(strings.Join(reasons(r), "; "), maxWhy))
	}
	if r.Verdict == "" {
		return "There is no verdict.", ""
	}
	return "The verdict is " + strings.ToLower(verdictWord(r.Verdict)) + ".", ""
}

// again says how the next run would prove something.
func again(r Result) []string {
	switch r.Verdict {
	case check.VerdictInconclusive:
		return []string{"Run it again where the drill has the machine to itself, or with fewer users: it was too late too often to be a witness."}
	case check.VerdictNotExercised:
		return []string{"Run it for longer, with more events or more users, until everything has been put to the test. What the service does not offer has to be excepted explicitly."}
	case check.VerdictEventFailed:
		return []string{"Make the failed event work first; its error stands in the table of events. What was seen of the others still holds."}
	case check.VerdictPass, check.VerdictFail:
	}
	return nil
}

// attributed says how much of the harm was done by events.
func attributed(o check.Outcome) string {
	in, all, events := 0, 0, 0
	for _, g := range o.Guarantees {
		all += g.Bad
	}
	for _, e := range o.Events {
		in += badOf(e)
		events += min(badOf(e), 1)
	}
	switch {
	case len(o.Events) == 0:
		return "No event was needed for it: nothing was being scaled."
	case in == 0:
		return "None of it was during an event: look for the cause in the service itself."
	case in >= all:
		return fmt.Sprintf("All of it during events: %s of %s did harm.", number(events), number(len(o.Events)))
	}
	return fmt.Sprintf("%s of %s during events (%s of %s did harm); the rest outside of them, so the service also hurts users when nothing is scaled.",
		number(in), plural(all, "violation", "violations"), number(events), number(len(o.Events)))
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// tiles are the three figures everybody asks for, and one for each other harm.
func tiles(r Result) []tile {
	o := r.Outcome
	g1, g10 := o.Guarantee(check.G1), o.Guarantee(check.G10)
	lost := newTile(g1.Bad, g1.Status != check.NotExercised, "session lost", "sessions lost")
	lost.Notes = append(lost.Notes, "users who had to sign in again and should not have")
	failed := newTile(g10.Bad, g10.Status != check.NotExercised, "request failed", "requests failed")
	failed.Notes = append(failed.Notes, "seen by users, with no browser to hide it")
	if n := o.Requests.SeenAtKills; n > 0 {
		failed.Notes = append(failed.Notes, plural(n, "more POST was", "more POSTs were")+" in flight to an instance when it was killed; nobody may repeat those, so they do not count")
	}
	if n := o.Requests.Masked; n > 0 {
		failed.Notes = append(failed.Notes, number(n)+" hidden by a browser's own resend")
	}
	all := []tile{lost, undone(o), failed}
	for _, id := range []check.ID{check.G6, check.G7, check.G8, check.G9, check.G11, check.G12} {
		if g := o.Guarantee(id); g.Bad > 0 {
			t := newTile(g.Bad, true, harmWords[id][0], harmWords[id][1])
			t.Notes = append(t.Notes, wordOf[id].expected)
			all = append(all, t)
		}
	}
	for i := range all {
		all[i].Tone = tone(r, all[i].Tone)
	}
	return all
}

// tone is that of one thing in a run: a run that proves nothing has nothing
// green.
func tone(r Result, of string) string {
	if of == "good" && r.Verdict == check.VerdictInconclusive {
		return "unsure"
	}
	return of
}

func newTile(bad int, tested bool, one, many string) tile {
	switch {
	case bad > 0:
		name := many
		if bad == 1 {
			name = one
		}
		return tile{Tone: "bad", Figure: number(bad), Name: name}
	case !tested:
		return tile{Tone: "unknown", Figure: "?", Name: many, Notes: []string{"not put to the test"}}
	}
	return tile{Tone: "good", Figure: "0", Name: many}
}

// undone adds up what became of changes.
func undone(o check.Outcome) tile {
	var sum check.Guarantee
	tested := false
	for _, id := range []check.ID{check.G2, check.G3, check.G4, check.G5} {
		g := o.Guarantee(id)
		sum.Bad += g.Bad
		sum.Lost += g.Lost
		sum.Rollback += g.Rollback
		sum.Stale += g.Stale
		tested = tested || g.Status != check.NotExercised
	}
	t := newTile(sum.Bad, tested, "change undone", "changes undone")
	if words := grades(sum); words != "" {
		t.Notes = append(t.Notes, words)
	} else {
		t.Notes = append(t.Notes, "acknowledged, and then missing or miscounted")
	}
	return t
}

// grades are how bad the bad ones were.
func grades(g check.Guarantee) string {
	var words []string
	for _, grade := range []struct {
		n    int
		name string
	}{{g.Lost, "gone"}, {g.Rollback, "seen and then gone"}, {g.Stale, "missing for a while"}} {
		if grade.n > 0 {
			words = append(words, number(grade.n)+" "+grade.name)
		}
	}
	if len(words) == 1 && g.Lost+g.Rollback+g.Stale == g.Bad {
		_, name, _ := strings.Cut(words[0], " ")
		if g.Bad == 1 {
			return name
		}
		return "all " + name
	}
	return strings.Join(words, ", ")
}
