package redistest

import (
	"strings"
	"testing"
)

func TestSentinelsWatchAMasterWithAPassword(t *testing.T) {
	t.Parallel()
	master := Start(t, "--requirepass", "secret")
	StartReplica(t, master)
	for _, s := range StartSentinels(t, 3, master.Addr, "shop", "sentinel auth-pass shop secret", "requirepass other") {
		if addr, err := s.masterOf("shop"); err != nil || addr != master.Addr {
			t.Errorf("%s names %s, %v", s.Addr, addr, err)
		}
		if list, ok := do(t, s, "SENTINEL", "REPLICAS", "shop").([]any); !ok || len(list) != 1 {
			t.Errorf("it knows the replicas %v", list)
		}
		if _, err := s.masterOf("other"); err == nil {
			t.Error("it knows a master that there is none of")
		}
		_, err := (&Server{Addr: s.Addr}).Do("PING")
		if err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
			t.Errorf("without the password: %v", err)
		}
	}
}
