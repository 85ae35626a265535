package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
)

// Columns of the picture: names, then the scale.
const (
	nameColumns  = 11
	scaleColumns = 60
)

// bar is one part of the way out.
type bar struct {
	name       string
	start, end time.Duration
	said       string // "30 s (assumed)"
}

// wayOut are the parts of s's way out, from its withdrawal.
func wayOut(s *model.Service) (bars []bar, total time.Duration) {
	at := time.Duration(0)
	if s.PreStop.Known() && s.PreStop.V > 0 {
		bars = append(bars, bar{"preStop", 0, s.PreStop.V, value.Seconds(s.PreStop.V)})
		at = s.PreStop.V
	}
	n := s.Needs
	if n.LameDuck && n.Withdraw.D > 0 {
		bars = append(bars, bar{"withdraw", at, at + n.Withdraw.D, n.Withdraw.String()})
		at += n.Withdraw.D
	}
	if n.Requests.D > 0 {
		bars = append(bars, bar{"requests", at, at + n.Requests.D, n.Requests.String()})
	}
	if n.Streams.D > 0 {
		bars = append(bars, bar{"streams", at, at + n.Streams.D, n.Streams.String()})
	}
	at += max(n.Requests.D, n.Streams.D)
	if n.Flush.D > 0 {
		bars = append(bars, bar{"flush", at, at + n.Flush.D, n.Flush.String()})
		at += n.Flush.D
	}
	return bars, at
}

// timeline draws the way out of s against its grace period: full where there is
// time for it, shaded after the kill. It is empty if files do not say both.
func timeline(s *model.Service) []string {
	bars, total := wayOut(s)
	if len(bars) == 0 || !s.Grace.Known() || s.PreStop.State == value.Unknown || s.Grace.V < 0 {
		return nil
	}
	sc := scale{total: max(total, s.Grace.V, time.Second)}
	sc.kill = sc.column(s.Grace.V)
	lines := []string{"", "  " + printable(s.String()) + " on its way out, in seconds"}
	lines = append(lines, strings.Repeat(" ", nameColumns)+sc.numbers())
	var lost []string
	for _, b := range bars {
		lines = append(lines, fmt.Sprintf("  %-*s%s", nameColumns-2, b.name, sc.row(b)))
		if late := b.end - max(b.start, s.Grace.V); late > 0 {
			lost = append(lost, fmt.Sprintf("%s of %s", value.Seconds(late), b.name))
		}
	}
	lines = append(lines, strings.Repeat(" ", nameColumns)+sc.caption("killed after "+graceText(s.Grace)))
	if len(lost) > 0 {
		lines = append(lines, wrap("does not fit: "+strings.Join(lost, ", "), "  ", "    ")...)
	}
	return lines
}

// scale maps time to columns.
type scale struct {
	total time.Duration
	kill  int // the column of the kill, which is one more
}

func (s scale) column(d time.Duration) int {
	return int(math.Round(float64(d) / float64(s.total) * scaleColumns))
}

// steps between the numbers of the scale, in seconds.
var steps = []int{1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400}

// numbers is the line of seconds above the bars.
func (s scale) numbers() string {
	step := steps[len(steps)-1]
	for _, candidate := range steps {
		if s.total/time.Duration(candidate)/time.Second <= 8 {
			step = candidate
			break
		}
	}
	for s.total/time.Duration(step)/time.Second > 8 {
		step *= 10
	}
	line := ""
	for at := 0; time.Duration(at)*time.Second <= s.total; at += step {
		column := s.shifted(s.column(time.Duration(at) * time.Second))
		number := fmt.Sprint(at)
		if column < len(line)+min(1, len(line)) || column+len(number) > scaleColumns+5 {
			continue
		}
		line += strings.Repeat(" ", column-len(line)) + number
	}
	return line
}

// shifted is a column with that of the kill counted.
func (s scale) shifted(column int) int {
	if column > s.kill {
		return column + 1
	}
	return column
}

// row draws one bar and the kill.
func (s scale) row(b bar) string {
	from, to := s.column(b.start), s.column(b.end)
	from = min(from, scaleColumns-1)
	to = max(to, from+1)
	var out strings.Builder
	for i := 0; i <= scaleColumns; i++ {
		if i == s.kill {
			out.WriteString("│")
		}
		switch {
		case i < from || i >= to:
			out.WriteByte(' ')
		case i < s.kill:
			out.WriteString("█")
		default:
			out.WriteString("░")
		}
	}
	return strings.TrimRight(out.String(), " ")
}

// caption names the kill below its column, on the side where there is room.
func (s scale) caption(text string) string {
	if left := s.kill - len(text) - 1; left >= 0 {
		return strings.Repeat(" ", left) + text + " ^"
	}
	return strings.Repeat(" ", s.kill) + "^ " + text
}

func graceText(grace value.Value[time.Duration]) string {
	text := value.Seconds(grace.V)
	if grace.State == value.Default {
		text += " (default)"
	}
	return text
}
