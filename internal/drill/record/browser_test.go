package record_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/evenkeel/evenkeel/internal/drill/record"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// Pages of a good and of a bad run, on a desk and on a phone, one in each theme:
// nothing is wider than the window, every picture has a size, and nothing is
// fetched. EVENKEEL_PICTURES names a folder for what it looks like.
func TestPageInABrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	proctest.Require(t, "browser", err)
	t.Parallel()
	for name, harmful := range map[string]bool{"good": false, "bad": true} {
		_, w, r := drilled(t, &shop{forgets: harmful, reverts: harmful}, harmful, record.Options{})
		r, err := w.Finish(r)
		if err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(t.TempDir(), "report.html")
		if err := report.WriteHTML(page, nil, r); err != nil {
			t.Fatal(err)
		}
		t.Run(name+" on a desk", func(t *testing.T) { look(t, path, page, "1", 1280, name+"-desk") })
		t.Run(name+" on a phone in the dark", func(t *testing.T) { look(t, path, page, "0", 390, name+"-phone") })
	}
}

func look(t *testing.T, browser, page, scheme string, width int, name string) {
	fetched := make(chan string, 16)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/report.html" {
			http.ServeFile(w, r, page)
			return
		}
		fetched <- r.URL.Path
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(width, 900), chromedp.WSURLReadTimeout(2*time.Minute),
		chromedp.Flag("blink-settings", "preferredColorScheme="+scheme), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+l.Addr().String()+"/report.html")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	const wrong = `(() => {
		const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, pre, .steps') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className);
		const flat = [...document.querySelectorAll('svg')].filter(e => e.getBoundingClientRect().height < 30).length;
		return [document.documentElement.scrollWidth > innerWidth ? 'scrolls sideways ' + document.documentElement.scrollWidth + ' of ' + innerWidth : '', wide.slice(0, 3).join(' '), flat ? flat + ' flat pictures' : ''].filter(s => s).join('; ') })()`
	got, err := chromedp.Run(ctx, chromedp.Evaluate[string](wrong))
	if err != nil {
		t.Fatal(err)
	}
	if got != "" {
		t.Error(got)
	}
	select {
	case path := <-fetched:
		t.Errorf("%s was fetched", path)
	default:
	}
	if dir := os.Getenv("EVENKEEL_PICTURES"); dir != "" {
		shot := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--blink-settings=preferredColorScheme="+scheme,
			fmt.Sprintf("--window-size=%d,4200", max(width, 500)), "--screenshot="+filepath.Join(dir, name+".png"), "http://"+l.Addr().String()+"/report.html")
		if out, err := shot.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
