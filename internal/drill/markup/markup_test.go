package markup

import (
	"fmt"
	"html"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

const page = `<!DOCTYPE html><title>A &amp; B</title><script>if (a < b) { "<li>no</li>" }</script>
<!-- <ul id=cart><li data-item=hidden></ul> -->
<div class="cart big"><ul id=cart><li data-item="a&amp;b" class=x>One <b>and</b> only</li><LI DATA-ITEM='c'>Two<br>lines</li></ul></div>
<ul><li data-item=d>Three</li></ul><p>1 < 2 <input name=csrf value=t0k3n disabled><textarea name=t><b>raw</b> &lt;</textarea>`

func TestFind(t *testing.T) {
	for selector, want := range map[string][]string{
		"li@data-item":            {"a&b", "c", "d"},
		"#cart li@data-item":      {"a&b", "c"},
		".cart.big li":            {"One and only", "Twolines"},
		"div ul li b":             {"and"},
		"li.x":                    {"One and only"},
		"ul#cart [data-item='c']": {"Twolines"},
		"input[name=csrf]@value":  {"t0k3n"},
		"input[disabled]@name":    {"csrf"},
		"*[name=t]":               {"<b>raw</b> <"},
		"title":                   {"A & B"},
		"li li":                   nil,
		"table@x":                 nil,
	} {
		s, err := ParseSelector(selector)
		if err != nil {
			t.Errorf("%s: %v", selector, err)
			continue
		}
		if diff := cmp.Diff(want, s.Find([]byte(page), 10)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", selector, diff)
		}
	}
	s, err := ParseSelector("li")
	if err != nil || len(s.Find([]byte(page), 2)) != 2 {
		t.Error("the bound is not kept")
	}
	if got := (Selector{}).Find([]byte(page), 1); got != nil {
		t.Errorf("the zero value finds %q", got)
	}
}

func TestSelectorErrors(t *testing.T) {
	for _, s := range []string{"", "@value", "a > b", "a,b", "#", ".", "a[", "a[b", "a[b=\"c]", "a:hover", "a@", "a@b c", "a b@"} {
		if _, err := ParseSelector(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestForms(t *testing.T) {
	got := Forms([]byte(`<form action=" /go " method=PoSt id=f><input type=hidden name=c value="1&quot;"><input name=u><input type=PASSWORD name=p>
<select name=s><option value=1></select><input type=submit></form><input name=outside><form><textarea name=t>`))
	want := []Form{
		{"/go", "POST", "f", []Field{{"c", "hidden", `1"`}, {"u", "text", ""}, {"p", "password", ""}, {"s", "select", ""}}},
		{"", "GET", "", []Field{{"t", "textarea", ""}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got[0].Has("password") || got[1].Has("password") {
		t.Error("which one has a password")
	}
	if !got[0].Field("u") || got[0].Field("outside") {
		t.Error("which one has a field u")
	}
	for want, f := range map[string]Form{"form#f": got[0], "form": got[1], `form[action="/go?a=1"]`: {Action: "/go?a=1", ID: "a b"}} {
		if f.Selector() != want {
			t.Errorf("%s, want %s", f.Selector(), want)
		}
		if _, err := ParseSelector(f.Selector()); err != nil {
			t.Error(err)
		}
	}
}

// A script's regular expression finds the same on pages that are well formed,
// without their comments, but for texts with tags in them.
func TestRegex(t *testing.T) {
	_, err := exec.LookPath("perl")
	proctest.Require(t, "perl", err)
	for _, selector := range []string{"li@data-item", "#cart li@data-item", ".cart.big ul li@class", "ul#cart [data-item='c']@data-item", "input[name=csrf]@value",
		"input[disabled]@name", "[name=csrf][value=T0K3N]@value", "div b", "title", "table@x", "li.y@data-item", "form#f input@name"} {
		s, err := ParseSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		want := append(s.Find([]byte(page), 1), "nothing")[0]
		cmd := exec.CommandContext(t.Context(), "perl", "-0777", "-e", `my $r = shift; $_ = <STDIN>; s/<!--.*?-->//gs; print /$r/ ? $1 : "nothing"`, s.Regex())
		cmd.Stdin = strings.NewReader(page)
		out, err := cmd.CombinedOutput()
		if got := html.UnescapeString(string(out)); err != nil || got != want {
			t.Errorf("%s: %s finds %q, want %q, %v", selector, s.Regex(), got, want, err)
		}
	}
	if (Selector{}).Regex() != "" {
		t.Error("the zero value has a regular expression")
	}
}

func Example() {
	s, err := ParseSelector("#cart li@data-item")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Find([]byte(`<ul id=cart><li data-item=apple><li data-item=pear></ul>`), 10))
	// Output: [apple pear]
}

func FuzzFind(f *testing.F) {
	f.Add("li@data-item", page)
	f.Add("#cart li", "<ul id=cart><li>1</ul></ul></div><li")
	f.Add("*", strings.Repeat("<a><b x=", 50))
	f.Add("a", "<a/b='<!--></a></script><script></SCRIPT x=\">\"><")
	f.Fuzz(func(t *testing.T, selector, page string) {
		Forms([]byte(page))
		s, err := ParseSelector(selector)
		if err != nil {
			return
		}
		for _, text := range s.Find([]byte(page), 5) {
			if len(text) > 2*maxText+len(page) {
				t.Errorf("%d bytes of text", len(text))
			}
		}
		if got := s.Find([]byte(page), 5); len(got) > 5 {
			t.Errorf("%d results", len(got))
		}
	})
}
