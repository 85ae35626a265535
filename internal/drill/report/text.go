package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// width is that of the plainest terminal.
const width = 80

const (
	maxEvents  = 10 // listed, those with violations first
	maxPerKind = 3  // violations listed of a guarantee
)

// Text is the summary of a run for people: the verdict, then what to fix first.
func Text(r Result) string {
	var b text
	b.wrap(verdictWord(r.Verdict)+"  ", verdictReason(r))
	b.wrap("  ", runLine(r))
	b.list("What to fix first", append(again(r), Hints(r)...))
	b.list("Whose users, and when", whoseLines(r))
	b.line("")
	guaranteeLines(&b, r.Outcome.Guarantees)
	b.line("")
	eventLines(&b, r.Outcome.Events)
	b.wrap("  ", requestsLine(r.Outcome.Requests))
	violationLines(&b, r.Outcome)
	b.list("What this run does not know", r.Notes)
	return b.String()
}

// text builds lines of at most width columns.
type text struct{ strings.Builder }

func (b *text) line(s string) {
	s = strings.TrimRight(clean(s), " ")
	if r := []rune(s); len(r) > width {
		s = string(r[:width-1]) + "…"
	}
	b.WriteString(s + "\n")
}

// list has a heading, if there is anything below it.
func (b *text) list(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.line("")
	b.line(heading)
	for _, l := range lines {
		b.wrap("  - ", l)
	}
}

// wrap breaks a sentence between words. Its first line begins with first, the
// others are indented by four.
func (b *text) wrap(first, sentence string) {
	const margin = "    "
	current := first
	empty := true
	for word := range strings.FieldsSeq(clean(sentence)) {
		if !empty && len([]rune(current))+1+len([]rune(word)) > width {
			b.line(current)
			current, empty = margin, true
		}
		if !empty {
			current += " "
		}
		current += word
		empty = false
	}
	b.line(current)
}

// clean drops what a terminal would take for a command. Names of instances and
// markers come from the service.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

var verdictWords = map[check.Verdict]string{
	check.VerdictFail: "FAIL", check.VerdictEventFailed: "EVENT FAILED", check.VerdictInconclusive: "INCONCLUSIVE",
	check.VerdictNotExercised: "NOT EXERCISED", check.VerdictPass: "PASS",
}

func verdictWord(v check.Verdict) string {
	if word := verdictWords[v]; word != "" {
		return word
	}
	return strings.ToUpper(clean(string(v)))
}

// verdictReason is why, in one sentence.
func verdictReason(r Result) string {
	if r.Strategy == "" {
		return why(r) + "."
	}
	return r.Strategy + ": " + why(r) + "."
}

func why(r Result) string {
	switch r.Verdict {
	case check.VerdictPass:
		return safe(r.Outcome)
	case check.VerdictFail:
		return strings.Join(harm(r.Outcome), ", ")
	case check.VerdictEventFailed:
		for _, e := range r.Outcome.Events {
			if e.Err != "" {
				return fmt.Sprintf("event %d (%s) could not be executed: %s", e.ID, e.Kind, e.Err)
			}
		}
		return "an event could not be executed"
	case check.VerdictInconclusive, check.VerdictNotExercised:
		if all := reasons(r); len(all) > 0 {
			return strings.Join(all, "; ")
		}
		return "this run proves nothing"
	}
	return "unknown verdict"
}

func unattributed(o check.Outcome) (n int) {
	for _, g := range o.Guarantees {
		n += g.Unattributed
	}
	return n
}

// harmWords say in plain words what a violation of each guarantee is, one and
// several.
var harmWords = map[check.ID][2]string{
	check.G1: {"session lost", "sessions lost"}, check.G2: {"write seen and then missing", "writes seen and then missing"},
	check.G3: {"own write not seen", "own writes not seen"}, check.G4: {"update lost", "updates lost"},
	check.G5: {"miscount", "miscounts"}, check.G6: {"answer leaked", "answers leaked"},
	check.G7: {"session expired wrongly", "sessions expired wrongly"}, check.G8: {"renewal broken", "renewals broken"},
	check.G9: {"logout undone", "logouts undone"}, check.G10: {"request failed", "requests failed"},
	check.G11: {"stream broken", "streams broken"}, check.G12: {"write applied twice", "writes applied twice"},
}

func harm(o check.Outcome) (words []string) {
	for _, g := range o.Guarantees {
		if g.Bad > 0 {
			words = append(words, harmed(g.ID, g.Bad))
		}
	}
	return words
}

func runLine(r Result) string {
	s := fmt.Sprintf("%s, %s users, %s requests, %s", short(r.Outcome.Duration), number(r.Users),
		number(r.Outcome.Requests.Sent), plural(len(r.Outcome.Events), "event", "events"))
	if r.Health.Status != "" && r.Health.Status != "ok" || r.Outcome.Limited > 0 {
		s += fmt.Sprintf("; the drill itself was late for %.1f %% of the time", 100*r.Outcome.Limited)
	}
	return s
}

// eventLines lists the events, those that did harm before others where there
// are too many.
func eventLines(b *text, events []check.Event) {
	if len(events) == 0 {
		return
	}
	shown := map[int]bool{}
	for _, harmless := range []bool{false, true} {
		for _, e := range events {
			if len(shown) < maxEvents && (len(e.Bad) == 0 && e.Err == "") == harmless {
				shown[e.ID] = true
			}
		}
	}
	for _, e := range events {
		if shown[e.ID] {
			b.wrap("  ", eventLine(e))
		}
	}
	if more := len(events) - len(shown); more > 0 {
		b.line(fmt.Sprintf("  and %s", plural(more, "more event", "more events")))
	}
}

func eventLine(e check.Event) string {
	s := fmt.Sprintf("event %d at %s: %s", e.ID, short(e.Triggered), e.Kind)
	if e.Target != "" {
		s += " " + e.Target
	}
	switch {
	case e.Err != "":
		return s + ", could not be executed: " + e.Err
	case e.Settled >= 0:
		s += ", settled in " + short(e.Settled-e.Triggered)
	default:
		s += ", not settled by the end"
	}
	s += fmt.Sprintf(", %s crossed", plural(e.Crossings, "session", "sessions"))
	for _, id := range check.IDs() {
		if n := e.Bad[id]; n > 0 {
			s += fmt.Sprintf(", %v bad %s", id, number(n))
		}
	}
	return s
}

func requestsLine(q check.Requests) string {
	s := fmt.Sprintf("requests: %s sent, %s failed on the wire, of these %s hidden by a browser's own resend and %s seen by users",
		number(q.Sent), number(q.RawFailures), number(q.Masked), number(q.Seen))
	if q.SeenAtKills > 0 {
		s += fmt.Sprintf(" (%s in flight to an instance that was killed, which nobody may repeat)", plural(q.SeenAtKills, "POST", "POSTs"))
	}
	if q.Late > 0 || q.Shed > 0 {
		s += fmt.Sprintf("; %s sent late, %s not sent", number(q.Late), number(q.Shed))
	}
	return s
}

// violationLines shows the first few of each guarantee.
func violationLines(b *text, o check.Outcome) {
	if len(o.Violations) == 0 {
		return
	}
	b.line("")
	b.line("Violations")
	for _, id := range check.IDs() {
		shown := 0
		for _, v := range o.Violations {
			if v.Guarantee != id {
				continue
			}
			if shown++; shown <= maxPerKind {
				b.wrap("  ", violationLine(v))
			}
		}
		g := o.Guarantee(id)
		if more := max(g.Bad+g.Unattributed, shown) - maxPerKind; more > 0 {
			b.line(fmt.Sprintf("  %v and %s more", id, number(more)))
		}
	}
}

func violationLine(v check.Violation) string {
	s := v.Guarantee.String()
	if v.Grade != check.NoGrade {
		s += " " + string(v.Grade)
	}
	s += fmt.Sprintf(" at %s", short(v.At))
	if v.Event != 0 {
		s += fmt.Sprintf(", event %d", v.Event)
	}
	if v.Instance != "" {
		s += ", " + v.Instance
	}
	if v.Unattributed {
		s += ", while the drill was late"
	}
	return s + ": " + v.Detail
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number groups the digits: 12,345.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func short(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// percent is a bound, rounded up to two or three digits: 22.1 %, 0.13 %. A
// dash is no bound at all.
func percent(share float64) string {
	if share >= 1 {
		return "-"
	}
	digits := 1
	if share > 0 {
		digits = max(1, 1-int(math.Floor(math.Log10(100*share))))
	}
	scale := math.Pow10(digits)
	const slack = 1e-9 // of what is exact but for its representation
	return strconv.FormatFloat(math.Max(0, math.Ceil(100*share*scale-slack))/scale, 'f', digits, 64) + " %"
}
