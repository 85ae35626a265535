package screen

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Count is so many of something: 1 request, 2,000 requests.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Thousands writes 12345 as 12,345.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Minutes writes 83 s as 01:23.
func Minutes(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// Clip shortens s to width columns.
func Clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width-1)]) + "…"
}

// Wrap breaks s between words into lines of at most width columns; longer words
// stay whole.
func Wrap(s string, width int) []string {
	var out []string
	var line string
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(line)+1+len(word) > width {
			out = append(out, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(out, line)
}

// Fit makes a picture of lines, as many of the last events as there is room
// for, and foot, which stays.
func Fit(lines, events, foot []string, width, height int) []string {
	lines = lines[:max(0, min(len(lines), height-len(foot)))]
	if room := height - len(lines) - len(foot); room > 0 {
		lines = append(lines, events[max(0, len(events)-room):]...)
	}
	lines = append(lines, foot...)
	for i, l := range lines {
		lines[i] = Clip(l, width)
	}
	return lines[:min(len(lines), height)]
}
