package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/bench/raw"
)

// errAnswers is wrapped when requests failed or were not answered 200.
var errAnswers = errors.New("requests failed")

// load sends requests over connections that each wait for their answer.
type load struct {
	wrk string // path of wrk; empty is the client of ours
	dir string // for wrk's script
}

func findLoad(dir string) load {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return load{dir: dir} // ours will do
	}
	return load{wrk: path, dir: dir}
}

func (l load) String() string {
	if l.wrk == "" {
		return "own client"
	}
	return "wrk"
}

// run returns how many requests were answered.
func (l load) run(ctx context.Context, addr string, c loadCase, cookies []string, span time.Duration) (int64, error) {
	if l.wrk == "" {
		return l.own(ctx, addr, c, cookies, span)
	}
	script := filepath.Join(l.dir, "requests.lua")
	if err := os.WriteFile(script, []byte(wrkScript(addr, c.path, cookies)), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, l.wrk, "-t2", "-c"+strconv.Itoa(c.connections), "-d"+seconds(span), "-s", script, "http://"+addr+c.path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

// seconds is a span as wrk takes it, which knows whole ones only.
func seconds(span time.Duration) string {
	return strconv.Itoa(int((span+time.Second-1)/time.Second)) + "s"
}

// wrkScript lets wrk send the cookies in turn.
func wrkScript(addr, path string, cookies []string) string {
	var b strings.Builder
	b.WriteString("local r = {}\n")
	for i, req := range requests(addr, path, cookies) {
		fmt.Fprintf(&b, "r[%d] = %q\n", i+1, req)
	}
	b.WriteString("local i = 0\nfunction request()\n  i = i % #r + 1\n  return r[i]\nend\n")
	return b.String()
}

// requests are one for each cookie, or one.
func requests(addr, path string, cookies []string) (list [][]byte) {
	for _, c := range cookies {
		list = append(list, raw.Get(addr, path, "Cookie: "+c))
	}
	if list == nil {
		list = append(list, raw.Get(addr, path))
	}
	return list
}

var (
	wrkTotal  = regexp.MustCompile(`(\d+) requests in `)
	wrkBad    = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkErrors = regexp.MustCompile(`Socket errors: .*`)
)

// parseWrk reads wrk's report.
func parseWrk(out string) (int64, error) {
	total := wrkTotal.FindStringSubmatch(out)
	if total == nil {
		return 0, fmt.Errorf("wrk says: %s", out)
	}
	n, err := strconv.ParseInt(total[1], 10, 64)
	if err != nil {
		return 0, err
	}
	if bad := wrkBad.FindStringSubmatch(out); bad != nil {
		return n, fmt.Errorf("%w: %s of %d answers were not 2xx or 3xx", errAnswers, bad[1], n)
	}
	if bad := wrkErrors.FindString(out); bad != "" {
		return n, fmt.Errorf("%w: %s", errAnswers, bad)
	}
	return n, nil
}

// own is what wrk does, in this process.
func (l load) own(ctx context.Context, addr string, c loadCase, cookies []string, span time.Duration) (int64, error) {
	list := requests(addr, c.path, cookies)
	var answered, bad atomic.Int64
	var wait sync.WaitGroup
	failed := make(chan error, c.connections)
	end := time.Now().Add(span)
	for i := range c.connections {
		wait.Go(func() {
			conn, err := raw.Dial(ctx, addr)
			if err != nil {
				failed <- err
				return
			}
			defer conn.Close()
			for n := i; time.Now().Before(end) && ctx.Err() == nil; n++ {
				a, err := conn.Do(list[n%len(list)])
				if err != nil {
					failed <- err
					return
				}
				answered.Add(1)
				if a.Status != 200 {
					bad.Add(1)
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	n := answered.Load()
	for err := range failed {
		return n, fmt.Errorf("%w: %w", errAnswers, err)
	}
	if b := bad.Load(); b > 0 {
		return n, fmt.Errorf("%w: %d of %d answers were not 200", errAnswers, b, n)
	}
	return n, ctx.Err()
}
