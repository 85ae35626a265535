package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// askTime bounds systemctl.
const askTime = 2 * time.Second

// forever is TimeoutStopSec=infinity.
const forever = 24 * time.Hour

// Grace is TimeoutStopSec of the unit, asked of systemctl; unknown where there
// is none or where the process is not in a unit.
func (h *Host) Grace(ctx context.Context) (d time.Duration, from string, err error) {
	if !h.opt.Invocation {
		return 0, "", nil
	}
	b, err := os.ReadFile(h.cgroup)
	if err != nil {
		return 0, "", nil //nolint:nilerr // not Linux, or no /proc: unknown
	}
	unit, user := unitOf(string(b))
	program, err := exec.LookPath(h.systemctl)
	if unit == "" || err != nil {
		return 0, "", nil //nolint:nilerr // no systemctl: unknown
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text, err := ask(ctx, program, unit, user)
	if err == nil {
		d, err = parseSpan(text)
	}
	if err != nil {
		return 0, "", fmt.Errorf("TimeoutStopSec of %s: %w", unit, err)
	}
	return d, "TimeoutStopSec of " + unit, nil
}

func ask(ctx context.Context, program, unit string, user bool) (string, error) {
	args := []string{"show", "--property=TimeoutStopUSec", "--", unit}
	if user {
		args = append([]string{"--user"}, args...)
	}
	var out, fault bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(Scrub(os.Environ()), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=")
	cmd.Stdout, cmd.Stderr = &out, &fault
	cmd.WaitDelay = 100 * time.Millisecond // its children may keep the pipes
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("systemctl: %w: %s", errors.Join(err, ctx.Err()), host.Line(fault.String()))
	}
	for line := range strings.Lines(out.String()) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "TimeoutStopUSec="); ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("systemctl does not tell: %s", host.Line(out.String()))
}

// unitOf finds the service in the text of /proc/self/cgroup, whose last line
// is the unified hierarchy: "0::/system.slice/shop.service".
func unitOf(cgroup string) (unit string, user bool) {
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[1] != "" && parts[1] != "name=systemd" {
			continue
		}
		// A unit with Delegate= may have groups of its own below.
		for dir := parts[2]; len(dir) > 1; dir = path.Dir(dir) {
			name := path.Base(dir)
			if !strings.HasSuffix(name, ".service") || strings.HasPrefix(name, "user@") {
				continue
			}
			return name, strings.Contains(dir, "/user@")
		}
	}
	return "", false
}

// units of a time span as systemd prints them, see systemd.time(7).
var units = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "month": 2629800 * time.Second, "y": 31557600 * time.Second,
}

// parseSpan reads such as "1min 30s", "1.5s" or "infinity".
func parseSpan(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	switch s {
	case "infinity":
		return forever, nil
	case "0":
		return 0, nil
	case "":
		return 0, errors.New("time span is empty")
	}
	var sum time.Duration
	for part := range strings.FieldsSeq(s) {
		i := strings.LastIndexAny(part, "0123456789.") + 1
		unit, known := units[part[i:]]
		n, err := strconv.ParseFloat(part[:i], 64)
		if !known || err != nil || strings.Trim(part[:i], "0123456789.") != "" {
			return 0, fmt.Errorf("time span %q", host.Line(s))
		}
		sum += time.Duration(min(n*float64(unit), float64(forever-sum))) // a day is more than anybody waits
	}
	return sum, nil
}
