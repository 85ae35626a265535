package actuate

import (
	"net"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/internal/drill/plan"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

func TestRedisFailover(t *testing.T) {
	f := redistest.StartFailover(t, 1)
	before := f.WaitMaster(t)
	f.WaitWhole(t)
	sentinels := f.SentinelAddrs()
	// The first cannot be reached: another is asked.
	event := plan.Event{Redis: &plan.Redis{Sentinel: "127.0.0.1:1, " + strings.Join(sentinels, ","), Master: f.Name}}
	if err := Check(t.Context(), event, Env{}); err != nil {
		t.Fatal(err)
	}
	if now := f.WaitMaster(t); now != before {
		t.Fatalf("the check changed the master from %s to %s", before, now)
	}
	e, err := happen(t, event, Env{})
	if err != nil {
		t.Fatal(err)
	}
	wantPhases(t, e, true, true)
	if after := f.WaitMaster(t); after == before || e.Target != before {
		t.Errorf("the master was %s and is %s; the event's target is %s", before, after, e.Target)
	}
	err = Check(t.Context(), plan.Event{Redis: &plan.Redis{Sentinel: sentinels[0], Master: "none"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "knows no master none") {
		t.Errorf("an unknown master: %v", err)
	}
}

// A Sentinel without a replica to promote refuses, and the event has failed.
func TestRedisFailoverThatIsRefused(t *testing.T) {
	master := redistest.Start(t)
	sentinels := redistest.StartSentinels(t, 1, master.Addr, "shop", "requirepass open-sesame")
	address := "redis://:open-sesame@" + sentinels[0].Addr
	_, err := happen(t, plan.Event{Redis: &plan.Redis{Sentinel: address, Master: "shop"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "NOGOODSLAVE") || strings.Contains(err.Error(), "open-sesame") {
		t.Errorf("error %v", err)
	}
	err = Check(t.Context(), plan.Event{Redis: &plan.Redis{Sentinel: "redis://:wrong@" + sentinels[0].Addr, Master: "shop"}}, Env{})
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestRedisThatIsNone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	defer l.Close()
	for _, address := range []string{l.Addr().String(), "127.0.0.1:1", "http://x"} {
		if err := Check(t.Context(), plan.Event{Redis: &plan.Redis{Sentinel: address, Master: "shop"}}, Env{}); err == nil {
			t.Errorf("%s is a Sentinel", address)
		}
	}
}
