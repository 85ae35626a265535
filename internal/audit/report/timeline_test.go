package report

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
)

// However long the parts are, the picture fits, the kill stands in one column,
// and nothing before it is drawn as lost.
func TestTimelineFits(t *testing.T) {
	lengths := []time.Duration{0, time.Millisecond, time.Second, 7 * time.Second, 30 * time.Second, time.Hour, 3 * 366 * 24 * time.Hour}
	for _, grace := range lengths {
		for _, pre := range lengths {
			for _, requests := range lengths {
				for _, flush := range lengths {
					s := &model.Service{Kind: "Deployment", Name: "x", Grace: value.Value[time.Duration]{V: grace, State: value.Default},
						PreStop: value.Value[time.Duration]{V: pre, State: value.Written}, Needs: model.Needs{Requests: model.Amount{D: requests}, Flush: model.Amount{D: flush}}}
					checkPicture(t, timeline(s), pre+requests+flush > grace)
				}
			}
		}
	}
}

func checkPicture(t *testing.T, lines []string, lost bool) {
	t.Helper()
	text, kill := strings.Join(lines, "\n"), -1
	for _, line := range lines {
		if utf8.RuneCountInString(line) > width {
			t.Fatalf("a line of more than 80 columns:\n%s", text)
		}
		before, _, ok := strings.Cut(line, "│")
		at := utf8.RuneCountInString(before)
		if ok && kill >= 0 && at != kill {
			t.Fatalf("the kill is in two columns:\n%s", text)
		}
		if ok {
			kill = at
		}
		if strings.Contains(before, "░") && ok {
			t.Fatalf("lost before the kill:\n%s", text)
		}
	}
	if lost != strings.Contains(text, "does not fit") && len(lines) > 0 {
		t.Fatalf("lost %v:\n%s", lost, text)
	}
}

func TestTimelineOfWhatFilesDoNotSay(t *testing.T) {
	s := &model.Service{Needs: model.Needs{Requests: model.Amount{D: time.Second}}}
	if timeline(s) != nil {
		t.Error("a grace period that nobody knows is drawn")
	}
	s.Grace = value.Value[time.Duration]{V: time.Second, State: value.Written}
	s.PreStop.State = value.Unknown
	if timeline(s) != nil {
		t.Error("a hook that nobody knows is drawn")
	}
	s.PreStop = value.Value[time.Duration]{}
	if timeline(s) == nil {
		t.Error("a service without a hook is not drawn")
	}
}
