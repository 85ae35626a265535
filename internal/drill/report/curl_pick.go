package report

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// pickTool is a function of a script: it finds a value in an answer. Perl reads
// regular expressions as the drill does, and JSON.
const pickTool = `pick() { perl -CSA -0777 -MJSON::PP -e '
  my ($in, $what) = @ARGV; my $answer = <STDIN>; my $found;
  1 while $answer =~ s{\AHTTP/.*?\r?\n\r?\n(?=HTTP/)}{}s;
  my ($head, $body) = $answer =~ /\A(.*?\n)\r?\n(.*)/s;
  if ($in eq "json") {
    $found = eval { JSON::PP->new->allow_nonref->decode($body) }; $what =~ s/\A\$//;
    while ($what =~ /\[\x27([^\x27]*)\x27\]|\[(\d+|\*)\]|([^.\[]+)/g) {
      my $name = $1 // $3; my $n = ($2 // 0) eq "*" ? 0 : $2 // 0;
      $found = defined $name ? (ref $found eq "HASH" ? $found->{$name} : undef) : (ref $found eq "ARRAY" ? $found->[$n] : undef);
    }
    $found = $found ? "true" : "false" if JSON::PP::is_bool($found);
  } else {
    my $text = $in eq "head" ? $head : $body; $text =~ s/<!--.*?-->//gs if $in eq "html";
    while (!defined $found && $text =~ /$what/ga) { $found = $1 }
    my %named = (amp => "&", lt => "<", gt => ">", quot => "\"", apos => "\x27");
    $found =~ s/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot|apos));/defined $3 ? $named{lc $3} : chr($1 \/\/ hex $2)/gei
      if defined $found && ($in eq "html" || $in eq "body" && $head =~ /^Content-Type:.*ml/im);
  }
  defined $found && !ref $found or die "nothing in the answer matches $what\n";
  $found =~ s/\A\s+|\s+\z//g; print $found' -- "$@"; }
`

// Functions that escape a value for where it stands.
const (
	urlTool  = `in_url() { printf %s "$1" | perl -0777 -pe 's/([^A-Za-z0-9._~-])/sprintf "%%%02X", ord $1/ge'; }` + "\n"
	jsonTool = `in_json() { printf %s "$1" | perl -0777 -pe 's/(["\\\x00-\x1f])/sprintf "\\u%04x", ord $1/ge'; }` + "\n"
)

// tools are the functions that the requests need.
func tools(steps []check.Step) string {
	need := map[string]bool{}
	for _, s := range steps {
		for _, q := range s.Redo.Requests {
			line := curl(q, s.Kind, "")
			need[urlTool] = need[urlTool] || strings.Contains(line, "$(in_url ")
			need[jsonTool] = need[jsonTool] || strings.Contains(line, "$(in_json ")
			need[pickTool] = need[pickTool] || len(q.Picks) > 0
		}
	}
	var b strings.Builder
	for _, tool := range []string{urlTool, jsonTool, pickTool} {
		if need[tool] {
			b.WriteString(tool)
		}
	}
	return b.String()
}

// picked are the commands of a request from whose answer something is picked.
func picked(curl string, picks []check.Pick) []string {
	if len(picks) == 0 {
		return []string{curl}
	}
	lines := []string{"ANSWER=$(" + curl + ")"}
	for _, p := range picks {
		lines = append(lines, p.Name+`=$(printf '%s\n' "$ANSWER" | pick `+p.In+" "+single(p.Pattern)+")")
	}
	return lines
}

// keeps tells whether a step picks what requests of later steps need.
func keeps(s *check.Step) bool {
	return (s.Kind == history.Login || s.Kind == history.Rotate) && slices.ContainsFunc(s.Redo.Requests, func(q check.Request) bool { return len(q.Picks) > 0 })
}

// plainly are the words for the body and the address of a request whose
// variables stand for plain values.
func plainly(q check.Request) (words []string) {
	if q.Follow {
		words = append(words, "-L --max-redirs 8")
	}
	kind := ""
	for _, h := range q.Headers {
		if name, value, _ := strings.Cut(h, ": "); strings.EqualFold(name, "Content-Type") {
			kind = value
		}
	}
	switch {
	case q.Body == "" && q.Follow && q.Method == "POST": // -X would hold for what follows, too
		words = append(words, "--data-raw ''")
	case q.Body == "":
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		for pair := range strings.SplitSeq(q.Body, "&") {
			option := "--data-raw "
			if variable.MatchString(pair) {
				option = "--data-urlencode "
			}
			words = append(words, option+quote(pair))
		}
	case strings.HasPrefix(kind, "application/json") && !strings.HasPrefix(q.Body, "$"):
		words = append(words, "--data-raw "+quoteBy(q.Body, "in_json"))
	default:
		words = append(words, "--data-raw "+quote(q.Body))
	}
	return append(words, `"$BASE"`+quoteBy(q.Path, "in_url"))
}

// single is a text as one word in which nothing is a variable.
func single(s string) string { return "'" + strings.ReplaceAll(clean(s), "'", `'\''`) + "'" }
