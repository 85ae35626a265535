package engine

import (
	"net/http"
	"testing"
	"time"
)

func TestJar(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		lines []string
		after time.Duration
		want  string
	}{
		{"none", nil, 0, ""},
		{"two", []string{"a=1", "b=2; Path=/x; Secure; HttpOnly; SameSite=Lax; Domain=other"}, 0, "a=1; b=2"},
		{"replaced in place", []string{"a=1", "b=2", "a=3"}, 0, "a=3; b=2"},
		{"same name on another path", []string{"a=1; Path=/", "a=2; Path=/x"}, 0, "a=2"},
		{"deleted by age", []string{"a=1", "b=2", "a=; Max-Age=0"}, 0, "b=2"},
		{"deleted by negative age", []string{"a=1", "a=x; Max-Age=-5"}, 0, ""},
		{"deleted by date", []string{"a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, 0, ""},
		{"deleted unknown", []string{"a=; Max-Age=0"}, 0, ""},
		{"age before date", []string{"a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, 0, "a=1"},
		{"alive until", []string{"a=1; Max-Age=60"}, 59 * time.Second, "a=1"},
		{"dead after", []string{"a=1; Max-Age=60", "b=2"}, 60 * time.Second, "b=2"},
		{"dead at a date", []string{"a=1; Expires=Thu, 01 Jan 2026 00:01:00 GMT"}, 2 * time.Minute, ""},
		{"empty value", []string{"a="}, 0, "a="},
		{"quoted", []string{`a="1 2"`}, 0, `a="1 2"`},
		{"nonsense", []string{"", "=;;", "a b=1", "c=3"}, 0, "c=3"},
	} {
		var j jar
		j.receive(http.Header{"Set-Cookie": test.lines}, now)
		if got := j.header("", now.Add(test.after)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestJarIsBounded(t *testing.T) {
	var j jar
	for i := range 2 * maxCookies {
		j.set(&http.Cookie{Name: "c" + time.Duration(i).String(), Value: "x"}, time.Now())
	}
	if len(j.cookies) != maxCookies {
		t.Errorf("%d cookies", len(j.cookies))
	}
}

func TestCookieIn(t *testing.T) {
	for header, want := range map[string]string{"": "", "sid=x": "x", "a=1; sid=x=y; b": "x=y", "xsid=1": "", "sid": ""} {
		if got := cookieIn(header, "sid"); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

// Explicit cookies take the places of those of their names.
func TestJarExplicit(t *testing.T) {
	var j jar
	j.receive(http.Header{"Set-Cookie": {"a=1", "b=2", "c=3"}}, time.Now())
	for explicit, want := range map[string]string{"": "a=1; b=2; c=3", "b=9": "b=9; a=1; c=3", "c=9; a=8": "c=9; a=8; b=2", "aa=7": "aa=7; a=1; b=2; c=3"} {
		if got := j.header(explicit, time.Now()); got != want {
			t.Errorf("%q: %q, want %q", explicit, got, want)
		}
	}
	c, err := NewClient([]string{"http://h"}, NewClock(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u := c.User()
	u.Present("a=1; b=x=y")
	if got := u.Cookies(); got != "a=1; b=x=y" {
		t.Errorf("presented %q", got)
	}
}
