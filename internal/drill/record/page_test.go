package record_test

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// lastWord ends what an inspected page says on the console.
const lastWord = "inspected"

//go:embed testdata/inspect.js
var inspectScript string

// inspection is what a page has to be.
type inspection struct {
	Failing  bool   `json:"failing"` // of a run that failed; else of one that passed
	Desk     bool   `json:"desk"`    // there is room for more than the verdict
	LastWord string `json:"lastWord"`
}

// script is an expression that is the list of what is wrong.
func (i inspection) script(t *testing.T) string {
	t.Helper()
	i.LastWord = lastWord
	expected, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return inspectScript + "inspect(" + string(expected) + ")"
}

// brokenPage is a page with one fault and what has to be said of it.
type brokenPage struct {
	harmful bool
	width   int64
	spoil   func(page string) string
	finds   string
}

// without takes away all that a pattern matches.
func without(pattern string) func(string) string {
	re := regexp.MustCompile("(?s)" + pattern)
	return func(page string) string { return re.ReplaceAllString(page, "") }
}

// with puts something before the first mark.
func with(mark, more string) func(string) string {
	return func(page string) string { return strings.Replace(page, mark, more+mark, 1) }
}

var brokenPages = map[string]brokenPage{
	"the verdict is far down":    {true, desk, with("<header", `<div style="height:1000px"></div>`), "verdict is not in view"},
	"something comes before it":  {false, phone, with("<header", "<p>Contents</p>"), "verdict is not the first"},
	"the wrong verdict":          {false, desk, func(p string) string { return strings.Replace(p, ">PASS<", ">FAIL<", 1) }, "verdict is not the first"},
	"no sentence":                {true, phone, without("<h1>.*?</h1>"), "no sentence"},
	"nothing to fix":             {true, desk, without(`<ol>.*?</ol>`), "nothing says what to fix first"},
	"what to fix is out of view": {true, desk, with(`<section id="hints">`, `<div style="height:700px"></div>`), "fix first is not in view"},
	"no guarantees":              {false, desk, without(`<section id="guarantees">.*?</section>`), "0 guarantees"},
	"no exposures":               {true, phone, without(`<td class="n" data-name="put to the test">[^<]*`), "no exposures"},
	"one bound":                  {false, desk, without(`<td class="n" data-name="bad of events[^>]*>.*?</td>`), "not two bounds"},
	"no timeline":                {true, desk, without(`<section id="timeline">.*?</section>`), "timeline"},
	"an empty timeline":          {false, phone, without(`<path class="(lane|rate)".*?</path>`), "nothing of lane is drawn"},
	"no harm on the timeline":    {true, desk, without(`<rect class="hurt".*?</rect>`), "no harm is drawn"},
	"a flat picture":             {true, desk, with("</style>", ".small svg { height: 4px; }"), "flat picture"},
	"no event":                   {true, desk, without(`<section id="events">.*?</section>`), "no event"},
	"no witness":                 {true, desk, without(`<section id="witnesses">.*?</section>`), "no witness"},
	"a witness without curl":     {true, phone, without(`<details>.*?</details>`), "no curl"},
	"a witness of nothing":       {false, desk, with(`<section id="trust">`, `<section id="witnesses"></section>`), "witness in a run that passed"},
	"a script":                   {true, desk, with("</body>", "<script>0</script>"), "console: "},
	"a picture from elsewhere":   {false, desk, both(without(`<meta http-equiv[^>]*>`), with("</body>", `<img src="http://203.0.113.1/logo.png" alt="">`)), "fetched: GET http://203.0.113.1/logo.png"},
	"wider than a phone":         {true, phone, with("</main>", `<div style="width:600px">.</div>`), "sideways"},
	"a megabyte":                 {false, desk, with("</body>", "<!--"+strings.Repeat("x", 1<<20)+"-->"), "1 MB"},
}

func both(first, second func(string) string) func(string) string {
	return func(page string) string { return second(first(page)) }
}
