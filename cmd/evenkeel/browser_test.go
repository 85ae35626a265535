package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/evenkeel/evenkeel/internal/proctest"
)

// visitor is a person with a browser in front of the page.
type visitor struct {
	*testing.T
	ctx context.Context
}

func browse(t *testing.T, url string) *visitor {
	t.Helper()
	path, err := exec.LookPath("chromium")
	proctest.Require(t, "browser", err)
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1440, 900), chromedp.WSURLReadTimeout(2*time.Minute),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil { // the browser lives as long as ctx
		t.Fatal(err)
	}
	return &visitor{t, ctx}
}

// js evaluates an expression that gives a string; page is the shop's document.
func (v *visitor) js(expression string) string {
	v.Helper()
	code := `(() => { const page = document.getElementById('frame')?.contentDocument; try { return String(` + expression + `) } catch { return '' } })()`
	ctx, cancel := context.WithTimeout(v.ctx, 30*time.Second)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string](code))
	if err != nil {
		v.Fatalf("%s: %v", expression, err)
	}
	return out
}

// until waits for an expression to be true; again is what the person does
// meanwhile, "" nothing.
func (v *visitor) until(what, expression, again string) {
	v.Helper()
	for deadline := time.Now().Add(time.Minute); v.js(expression) != "true"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			v.Fatalf("%s: never; the page says %q, the shop %q", what, v.js(`document.body.innerText`), v.js(`page.body.innerText`))
		}
		if again != "" {
			v.js(again)
			time.Sleep(300 * time.Millisecond)
		}
	}
}

// signIn sends the form and waits for the page that follows.
func (v *visitor) signIn(user string) {
	v.Helper()
	v.until("the shop is open", `page.querySelector('input[name=user]') !== null`, "")
	v.js(`page.body.dataset.old = 'yes'`)
	v.js(fmt.Sprintf(`(page.querySelector('input[name=user]').value = %q, page.querySelector('form[action="sign-in"]').requestSubmit())`, user))
	v.until("the next page", `!page.body.dataset.old && page.readyState === 'complete' && page.getElementById('instance') !== null`, "")
}

const reload = `document.getElementById('reload').click()`

// A person is signed in and has something in the cart; the replica that served
// them is killed; with evenkeel everything is still there, with sessions in the
// replicas' memory it is gone, and the page says why.
func TestAPersonSurvivesAKill(t *testing.T) {
	cmd, _ := command(t, "demo", "--strategy", "evenkeel", "--for", "10m", "--every", "4m", "--control", "4m", "--users", "20", "--page", "127.0.0.1:0")
	p := proctest.Start(t, cmd)
	url := p.WaitLine(time.Minute, `Shop and watch: (http://\S+)`)[1]
	v := browse(t, url)
	v.signIn("kim")
	v.until("signed in", `page.getElementById('user')?.textContent === 'kim'`, "")
	v.js(`page.querySelector('form.item').requestSubmit()`)
	v.until("the cart is filled", `page.getElementById('count').textContent === '1'`, "")

	served := v.js(`page.getElementById('instance').textContent`)
	if !strings.HasPrefix(served, "shop-") {
		t.Fatalf("answered by %q", served)
	}
	v.js(`document.querySelector('[data-action=kill]').click()`)
	v.until("the kill is told", `document.getElementById('events').innerText.includes('killed')`, "")
	for range 6 { // every replica is asked
		v.js(`page.body.dataset.old = 'yes'`)
		v.js(reload)
		var got string
		v.until("the shop answers again", `!page.body.dataset.old && page.readyState === 'complete' && page.getElementById('instance') !== null`, "")
		for got == "" { // between two documents there is none
			got = v.js(`[page.getElementById('user')?.textContent, page.getElementById('count').textContent, page.getElementById('instance').textContent].join(' ')`)
		}
		if !strings.HasPrefix(got, "kim 1 shop-") || strings.HasSuffix(got, served) {
			t.Fatalf("after %s was killed, the shop answers %q", served, got)
		}
	}
	if lost := v.js(`document.querySelector('#lost b').textContent`); lost != "0" {
		t.Errorf("the page counts %s sessions lost", lost)
	}

	v.js(`[...document.querySelectorAll('#ways button')].find(b => b.innerText.includes('memory')).click()`)
	v.until("the strategy is switched", `document.getElementById('way').textContent === 'memory'`, "")
	v.until("the new shop is open", `document.getElementById('phase') !== null && page.getElementById('user') === null && page.querySelector('input[name=user]') !== null`, "")
	v.signIn("kim")
	v.until("signed out", `page.readyState === 'complete' && page.querySelector('input[name=user]') !== null`, reload)
	if why := v.js(`document.getElementById('loses').textContent`); !strings.Contains(why, "signed out whenever another replica answers") {
		t.Errorf("the page says %q", why)
	}
	v.until("others were signed out too", `document.getElementById('lost').dataset.is !== 'none' && document.querySelector('#lost b').textContent !== '0'`, "")
	p.Signal(os.Interrupt)
	p.Wait(time.Minute)
}
