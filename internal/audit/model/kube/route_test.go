package kube

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// readYAML is what one file says.
func readYAML(t *testing.T, text string) *Cluster {
	t.Helper()
	f, notes := source.Parse("x.yaml", tree.YAML, []byte(text))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	return Read([]*tree.File{f})
}

func scalar(t *testing.T, text string) *tree.Node {
	t.Helper()
	f, notes := source.Parse("x.yaml", tree.YAML, []byte("v: \""+text+"\"\n"))
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	return f.Docs[0].Root.Get("v")
}

func TestNginxTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"240s": 240 * time.Second, "90": 90 * time.Second, "2m": 2 * time.Minute, "1h": time.Hour, "0.5m": 30 * time.Second, "1d": 24 * time.Hour} {
		if v := NginxTime(scalar(t, text), value.Value[time.Duration]{}); !v.Written() || v.V != want {
			t.Errorf("%s: %v %v, want %v", text, v.V, v.State, want)
		}
	}
	for _, text := range []string{"", "s", "abc", "1h30m", "NaN", "99999999999d", "1e300h"} {
		if v := NginxTime(scalar(t, text), value.Value[time.Duration]{}); v.State != value.Unknown {
			t.Errorf("%q: %v %v, want unknown", text, v.V, v.State)
		}
	}
}

func TestGatewayDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", time.Second: "1s", 90 * time.Minute: "1h30m", 12 * time.Hour: "12h", 1500 * time.Millisecond: "2s", 26*time.Hour + time.Second: "26h1s"} {
		got := GatewayDuration(d)
		if got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
		if v := GatewayTime(scalar(t, got), value.Value[time.Duration]{}); !v.Written() || v.V < d {
			t.Errorf("%s reads as %v", got, v.V)
		}
	}
	for _, text := range []string{"", "-1s", "1.5h", "1d", "30"} {
		if v := GatewayTime(scalar(t, text), value.Value[time.Duration]{}); v.State != value.Unknown {
			t.Errorf("%q: %v, want unknown", text, v.V)
		}
	}
}

func TestWithAttributes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "a=1,b=2"}, {"a=0", "a=1,b=2"}, {"b=2, c=3 ,a=9", "b=2,c=3,a=1"}, {"aa=5,", "aa=5,a=1,b=2"},
	} {
		if got := WithAttributes(c.text, [2]string{"a", "1"}, [2]string{"b", "2"}); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestForwards(t *testing.T) {
	build := func(action string) []ALBForward {
		f, notes := source.Parse("x.yaml", tree.YAML, []byte("kind: Ingress\nmetadata:\n  annotations:\n    alb.ingress.kubernetes.io/actions.a: '"+action+"'\n"))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		return (&Ingress{Object: newObject(f.Docs[0].Root, "networking.k8s.io/v1", "Ingress")}).Forwards()
	}
	got := build(`{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"a","Weight":3},{"TargetGroupARN":"arn:x","Weight":0},{"ServiceName":"b"}],"TargetGroupStickinessConfig":{"Enabled":true}}}`)
	if len(got) != 1 || got[0].Shared() != 2 || !got[0].Sticky || len(got[0].Services) != 2 {
		t.Errorf("%+v", got)
	}
	for _, none := range []string{`{"type":"redirect"}`, `{"type":`, `[]`, `"forward"`} {
		if got := build(none); len(got) != 0 {
			t.Errorf("%s: %+v", none, got)
		}
	}
}
