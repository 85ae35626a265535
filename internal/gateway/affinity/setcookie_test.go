package affinity

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func TestFollow(t *testing.T) {
	for name, tc := range map[string]struct {
		lines    string // by |
		want     Change
		lifetime string
	}{
		"not mentioned":        {"a=b; Path=/|app2=x", Kept, ""},
		"nothing":              {"", Kept, ""},
		"as an attribute":      {"a=b; app=x", Kept, ""},
		"no value at all":      {"app", Kept, ""},
		"until the browser":    {"app=x; Path=/; HttpOnly", Set, ""},
		"max-age":              {"app=x; max-AGE = 60 ; Path=/", Set, "; Max-Age=60"},
		"expires":              {"app=x; Expires=Thu, 03 Jan 2030 03:04:05 GMT", Set, "; Expires=Thu, 03 Jan 2030 03:04:05 GMT"},
		"expires with dashes":  {"app=x; expires=Thu, 03-Jan-2030 03:04:05 GMT", Set, "; Expires=Thu, 03 Jan 2030 03:04:05 GMT"},
		"both":                 {"app=x; Expires=Thu, 03 Jan 2030 03:04:05 GMT; Max-Age=60", Set, "; Max-Age=60; Expires=Thu, 03 Jan 2030 03:04:05 GMT"},
		"broken lifetimes":     {"app=x; Max-Age=1h; Expires=tomorrow; Max-Age=; Max-Age=-", Set, ""},
		"last of each":         {"app=x; Max-Age=0; Max-Age=9; Max-Age=9x", Set, "; Max-Age=9"},
		"endless":              {"app=x; Max-Age=99999999999999999999999", Set, "; Max-Age=315360000"},
		"json":                 {`app={"a": [1,2]}; Max-Age=60`, Set, "; Max-Age=60"},
		"spaces":               {" app = x", Set, ""},
		"max-age 0":            {"app=x; Max-Age=0", Deleted, ""},
		"negative":             {"app=x; Max-Age=-99999999999999999999", Deleted, ""},
		"past":                 {"app=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Deleted, ""},
		"now":                  {"app=x; Expires=Wed, 02 Jan 2030 03:04:05 GMT", Deleted, ""},
		"max-age goes first":   {"app=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5", Set, "; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
		"max-age goes first 0": {"app=x; Expires=Thu, 03 Jan 2030 03:04:05 GMT; Max-Age=0", Deleted, ""},
		"empty":                {"app=; Max-Age=60", Deleted, ""},
		"empty in quotes":      {`app=""; Path=/`, Deleted, ""},
		"deleted, then set":    {"app=; Max-Age=0|b=c|app=x; Max-Age=7", Set, "; Max-Age=7"},
		"set, then deleted":    {"app=x; Max-Age=7|app=x; Max-Age=0", Deleted, ""},
	} {
		if got, lifetime := Follow(strings.Split(tc.lines, "|"), "app", at); got != tc.want || lifetime != tc.lifetime {
			t.Errorf("%s: got %v %q, want %v %q", name, got, lifetime, tc.want, tc.lifetime)
		}
	}
	lines := []string{"a=b; Path=/", "other=x; Max-Age=60"}
	if n := testing.AllocsPerRun(100, func() { Follow(lines, "app", at) }); n != 0 {
		t.Errorf("without the cookie it allocates %v times", n)
	}
}

var lifetimeForm = regexp.MustCompile(`^(; Max-Age=\d{1,9})?(; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT)?$`)

// Whatever an application sends, what is written has one form, means the same
// when it is read again, and belongs to a cookie that is set.
func FuzzFollow(f *testing.F) {
	f.Add("app=x; Max-Age=60; Expires=Thu, 03 Jan 2030 03:04:05 GMT")
	f.Add("app=x; Max-Age=0; Path=/")
	f.Add("app=\"\"; Expires=Thu, 03-Jan-70 03:04:05 GMT")
	f.Add("app=x; Expires=Sunday, 06-Nov-94 08:49:37 GMT; Max-Age=-1")
	f.Fuzz(func(t *testing.T, line string) {
		change, lifetime := Follow([]string{line}, "app", at)
		if !lifetimeForm.MatchString(lifetime) || change != Set && lifetime != "" {
			t.Fatalf("%q: %v %q", line, change, lifetime)
		}
		if change != Set {
			return
		}
		if c, again := Follow([]string{"app=v" + lifetime}, "app", at); c != Set || again != lifetime {
			t.Errorf("%q: %q reads as %v %q", line, lifetime, c, again)
		}
	})
}
