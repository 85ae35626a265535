package affinity

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Change is what an answer does to the application's cookie.
type Change uint8

// The changes.
const (
	Kept    Change = iota // it is not mentioned
	Set                   // it gets a value
	Deleted               // it gets no value, or its life has ended
)

// Follow returns what an answer's Set-Cookie fields do to the application's
// cookie called name; of several the last one counts, as in a browser. The
// lifetime of a cookie that is Set is returned as attributes for another
// cookie, "; Max-Age=60" or "; Expires=Thu, 01 Jan 2026 00:00:00 GMT" or both,
// and "" for a cookie that ends with the browser. They are written anew, so
// that nothing else of the application's gets into them.
func Follow(lines []string, name string, now time.Time) (Change, string) {
	change, lifetime := Kept, ""
	for _, line := range lines {
		pair, attributes, _ := strings.Cut(line, ";")
		k, v, ok := strings.Cut(pair, "=")
		if !ok || strings.Trim(k, " \t") != name {
			continue
		}
		var live bool
		lifetime, live = lifetimeOf(attributes, now)
		if change = Set; !live || strings.Trim(v, " \t\"") == "" {
			change, lifetime = Deleted, ""
		}
	}
	return change, lifetime
}

// lifetimeOf reads Max-Age and Expires as RFC 6265, 5.2 and 5.3, says: the
// last valid one of each counts, and Max-Age before Expires.
func lifetimeOf(attributes string, now time.Time) (lifetime string, live bool) {
	var age int64
	var expires time.Time
	hasAge, hasExpires := false, false
	for a := range strings.SplitSeq(attributes, ";") {
		k, v, _ := strings.Cut(a, "=")
		v = strings.Trim(v, " \t")
		switch k = strings.Trim(k, " \t"); {
		case strings.EqualFold(k, "Max-Age"):
			if n, ok := maxAge(v); ok {
				age, hasAge = n, true
			}
		case strings.EqualFold(k, "Expires"):
			if t, ok := cookieDate(v); ok {
				expires, hasExpires = t, true
			}
		}
	}
	if hasAge {
		lifetime = "; Max-Age=" + strconv.FormatInt(age, 10)
	}
	if hasExpires {
		lifetime += "; Expires=" + expires.UTC().Format(http.TimeFormat)
	}
	if hasAge {
		return lifetime, age > 0
	}
	return lifetime, !hasExpires || expires.After(now)
}

// longest is beyond what browsers accept (400 days), and keeps what is written
// short.
const longest = 10 * 365 * 24 * 3600

// maxAge reads digits with or without a minus before them, however many.
func maxAge(v string) (seconds int64, ok bool) {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if digits != v {
		return 0, true
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // too many digits
		n = longest
	}
	return min(n, longest), true
}

// cookieDate reads the forms that applications write.
func cookieDate(v string) (time.Time, bool) {
	if t, err := http.ParseTime(v); err == nil {
		return t, inYears(t)
	}
	t, err := time.Parse("Mon, 02-Jan-2006 15:04:05 MST", v)
	return t, err == nil && inYears(t)
}

// inYears reports whether the date has four digits for its year when written.
func inYears(t time.Time) bool { y := t.UTC().Year(); return 1601 <= y && y <= 9999 }
