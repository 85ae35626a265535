package record_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// Widths of windows, in pixels.
const (
	desk  = 1280
	phone = 390
)

// Pages of a good and of a bad run, from a file, on a desk and on a phone, one
// in each theme. EVENKEEL_PICTURES names a folder for what it looks like.
func TestPageInABrowser(t *testing.T) {
	path := chromium(t)
	t.Parallel()
	light, dark := browse(t, path, false), browse(t, path, true)
	for name, harmful := range map[string]bool{"good": false, "bad": true} {
		page := reported(t, harmful)
		for where, found := range map[string][]string{
			"desk": light.inspect(t, page, desk, harmful, name+"-desk"), "phone in the dark": dark.inspect(t, page, phone, harmful, name+"-phone"),
		} {
			for _, f := range found {
				t.Errorf("%s run on a %s: %s", name, where, f)
			}
		}
	}
}

// A page that lacks something, or does something, is found.
func TestBrokenPagesAreFound(t *testing.T) {
	path := chromium(t)
	t.Parallel()
	b := browse(t, path, false)
	whole := map[bool]string{false: read(t, reported(t, false)), true: read(t, reported(t, true))}
	for name, fault := range brokenPages {
		text := fault.spoil(whole[fault.harmful])
		if text == whole[fault.harmful] {
			t.Errorf("%s: the page is as it was", name)
			continue
		}
		page := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		found := b.inspect(t, page, fault.width, fault.harmful, "")
		if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, fault.finds) }) {
			t.Errorf("%s: no %q in %q", name, fault.finds, found)
		}
	}
}

func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	proctest.Require(t, "browser", err)
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reported is the report of a small run, as a file.
func reported(t *testing.T, harmful bool) string {
	t.Helper()
	_, w, r := drilled(t, &shop{forgets: harmful, reverts: harmful}, harmful, record.Options{})
	r, err := w.Finish(r)
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "report.html")
	if err := report.WriteHTML(page, nil, r); err != nil {
		t.Fatal(err)
	}
	return page
}

// browser is one whose only way to the network is a proxy that refuses all.
type browser struct {
	ctx context.Context

	mu    sync.Mutex
	asked []string // of the proxy
}

func browse(t *testing.T, path string, dark bool) *browser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{}
	srv := &http.Server{Handler: b}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	scheme := "preferredColorScheme=1"
	if dark {
		scheme = "preferredColorScheme=0"
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(2*time.Minute),
		chromedp.Flag("proxy-server", l.Addr().String()), chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("blink-settings", scheme), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(b.ctx, chromedp.Navigate("about:blank")); err != nil { // it lives as long as ctx
		t.Fatal(err)
	}
	return b
}

func (b *browser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, r.Method+" "+r.RequestURI)
	http.Error(w, "there is no network", http.StatusForbidden)
}

// fetched is what was asked for since the last call, without the calls that
// the browser makes home by itself.
func (b *browser) fetched() (asked []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.asked {
		if !home.MatchString(url) {
			asked = append(asked, url)
		}
	}
	b.asked = nil
	return asked
}

var home = regexp.MustCompile(`^[A-Z]+ (http://)?[\w.-]+\.(google|googleapis|gvt1)\.com[:/]`)

// inspect opens a page in a tab of its own and says what is wrong with it. A
// name other than "" is that of its picture.
func (b *browser) inspect(t *testing.T, page string, width int64, harmful bool, name string) (found []string) {
	t.Helper()
	text := read(t, page)
	if len(text) >= 1<<20 {
		found = append(found, "1 MB or more")
	}
	if strings.Contains(text, "google") {
		found = append(found, "fetched: perhaps, where the browser calls home")
	}
	ctx, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	defer cancel()
	said := chromedp.Console(ctx)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+page)); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("EVENKEEL_PICTURES"); dir != "" && name != "" {
		picture(t, ctx, filepath.Join(dir, name+".png"))
	}
	expected := inspection{Failing: harmful, Desk: width == desk}
	wrong, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](expected.script(t)))
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, wrong...)
	for m, err := range said {
		if err != nil {
			t.Fatal(err)
		}
		if m.Text == lastWord {
			break
		}
		found = append(found, "console: "+m.Text)
	}
	for _, url := range b.fetched() {
		found = append(found, "fetched: "+url)
	}
	return found
}

func picture(t *testing.T, ctx context.Context, file string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.Fatal(err)
	}
}
