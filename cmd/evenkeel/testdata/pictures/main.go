// Command pictures takes one picture of a page in Chromium once it has run for
// a few seconds: pictures URL FILE WIDTH HEIGHT light|dark.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: pictures URL FILE WIDTH HEIGHT light|dark")
		os.Exit(2)
	}
	if err := take(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func take(url, file, width, height, scheme string) error {
	w, werr := strconv.ParseInt(width, 10, 64)
	h, herr := strconv.ParseInt(height, 10, 64)
	if werr != nil || herr != nil {
		return fmt.Errorf("size %s x %s", width, height)
	}
	preferred := "preferredColorScheme=1"
	if scheme == "dark" {
		preferred = "preferredColorScheme=0"
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("blink-settings", preferred))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(w, h), chromedp.Navigate(url), chromedp.Sleep(4*time.Second)); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}
