package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// replay is a shell script that does a witness's operations again: cookies are
// in files, secrets in variables. "" where it is not known how. What overlapped
// runs at once.
func replay(v check.Violation, r Result) string {
	if len(v.Witness) == 0 || slices.ContainsFunc(v.Witness, func(s check.Step) bool { return s.Redo == nil || len(s.Redo.Requests) == 0 }) {
		return ""
	}
	s := &script{kept: keptIDs(v.Witness)}
	for _, name := range variables(v.Witness) {
		s.line(`: "${%s:?a secret of the configuration}"`, name)
	}
	s.WriteString(tools(v.Witness))
	if r.Target != "" {
		s.line("BASE=%s", quote(r.Target))
	} else {
		s.line(`: "${BASE:?the address of the service}"`)
	}
	s.line(`JAR=$(mktemp)   # the cookies of %s`, clip(v.User, 40))
	e, marked := eventOf(v, r.Outcome.Events)
	for i, group := 0, 0; i < len(v.Witness); i += group {
		if marked && e.Triggered <= v.Witness[i].Return {
			s.line("# event %s, at %s", eventName(e), precise(e.Triggered))
			marked = false
		}
		group = atOnce(v.Witness[i:])
		for j := range group {
			s.step(i+j+1, &v.Witness[i+j], group > 1)
		}
		if group > 1 {
			s.line("wait")
		}
		for j := range group {
			if id := v.Witness[i+j].Redo.Gives; s.kept[id] {
				s.line(`cp "$JAR" "$JAR.%d"   # session ID %d`, id, id)
			}
		}
	}
	return s.String()
}

type script struct {
	strings.Builder
	kept    map[int]bool // see keptIDs
	current int
}

func (s *script) line(format string, args ...any) {
	s.WriteString(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ") + "\n")
}

func (s *script) step(n int, step *check.Step, background bool) {
	redo := step.Redo
	words := newStep(n, *step)
	s.line("# %d  %s: %s", n, words.Did, strings.Join(slices.DeleteFunc([]string{words.Got, words.Note}, func(s string) bool { return s == "" }), "; "))
	jar := ` -b "$JAR" -c "$JAR"`
	switch other := s.kept[redo.Presents] && (redo.Presents != s.current || step.Kind == history.Replay); {
	case other && step.Kind == history.Replay:
		jar = fmt.Sprintf(` -b "$JAR.%d"`, redo.Presents)
	case other:
		jar = fmt.Sprintf(` -b "$JAR.%d" -c "$JAR"`, redo.Presents)
	case background && redo.Gives == 0:
		jar = ` -b "$JAR"`
	}
	if redo.Gives != 0 {
		s.current = redo.Gives
	}
	var lines []string
	for _, q := range redo.Requests {
		lines = append(lines, picked(curl(q, step.Kind, jar), q.Picks)...)
	}
	line := strings.Join(lines, " && \\\n  ")
	background = background && !keeps(step) // a process of its own would take what it picks with it
	if background && len(lines) > 1 {
		line = "{ " + line + "; }"
	}
	if background {
		line += " &"
	}
	s.WriteString(line + "\n")
}

func curl(q check.Request, kind history.Kind, jar string) string {
	words := []string{"curl -si" + jar}
	if kind == history.Stream {
		words = append(words, "-N --max-time 10")
	}
	if method := cmp.Or(q.Method, "GET"); method != "GET" && (method != "POST" || !q.Follow) {
		words = append(words, "-X "+quote(method))
	}
	for _, h := range q.Headers {
		words = append(words, "-H "+quote(h))
	}
	if q.Plain {
		return strings.Join(append(words, plainly(q)...), " ")
	}
	if q.Body != "" {
		words = append(words, "--data-raw "+quote(q.Body))
	}
	return strings.Join(append(words, `"$BASE"`+quote(q.Path)), " ")
}

// keptIDs are the session IDs that a step presents when they are not the user's
// own any more, of those that a step before it has given.
func keptIDs(steps []check.Step) map[int]bool {
	given, kept, current := map[int]bool{}, map[int]bool{}, 0
	for _, s := range steps {
		if id := s.Redo.Presents; given[id] && (id != current || s.Kind == history.Replay) {
			kept[id] = true
		}
		if id := s.Redo.Gives; id != 0 {
			given[id], current = true, id
		}
	}
	return kept
}

// atOnce is how many of the steps, from the first on, overlap one another.
func atOnce(steps []check.Step) int {
	end := time.Duration(-1 << 62)
	for i, s := range steps {
		if i > 0 && s.Call > end {
			return i
		}
		end = max(end, s.Return)
	}
	return len(steps)
}

// variable is a secret that the user of the script has to give, or what an
// answer has shown.
var variable = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)

// variables are those that no request before has picked.
func variables(steps []check.Step) (names []string) {
	var given []string
	for _, s := range steps {
		for _, q := range s.Redo.Requests {
			for _, text := range append([]string{q.Path, q.Body}, q.Headers...) {
				for _, name := range variable.FindAllString(text, -1) {
					if !slices.Contains(given, name[1:]) {
						names = append(names, name[1:])
					}
				}
			}
			for _, p := range q.Picks {
				given = append(given, p.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plain needs no quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9._/:-]+$`)

// quote is a text as one word of a shell; $NAMES in it stay variables.
func quote(s string) string { return quoteBy(s, "") }

// quoteBy has a function of the script escape what the variables stand for.
func quoteBy(s, escape string) string {
	if plain.MatchString(s) {
		return s
	}
	var b strings.Builder
	literal := func(s string) {
		if s != "" {
			b.WriteString("'" + strings.ReplaceAll(clean(s), "'", `'\''`) + "'")
		}
	}
	from := 0
	for _, at := range variable.FindAllStringIndex(s, -1) {
		literal(s[from:at[0]])
		name := `"` + s[at[0]:at[1]] + `"`
		if escape != "" {
			name = `"$(` + escape + " " + name + `)"`
		}
		b.WriteString(name)
		from = at[1]
	}
	literal(s[from:])
	return b.String()
}
