package shop

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A replica shows Prometheus what its session library has counted; one whose
// sessions are a map has nothing to show.
func TestReplicaShowsItsCounts(t *testing.T) {
	_, address := startReplica(t, t.TempDir(), "library", true)
	login(t, address)
	if body, status := fetch(t, address, "/metrics"); status != http.StatusOK || !strings.Contains(body, "\nevenkeel_session_started_total 1\n") {
		t.Errorf("status %d: %.300s", status, body)
	}
	_, other := startReplica(t, t.TempDir(), "memory", true)
	if _, status := fetch(t, other, "/metrics"); status != http.StatusNotFound {
		t.Errorf("a replica without the library answered %d", status)
	}
}

func fetch(t *testing.T, address, path string) (string, int) {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.StatusCode
}
