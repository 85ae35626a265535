package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// tokenTime is how long a token of the metadata service is asked for. Paths and
// headers: "Use the Instance Metadata Service to access instance metadata",
// Amazon EC2 User Guide.
const tokenTime = 6 * time.Hour

// imds is version 2 of the instance metadata service. It is safe for
// concurrent use.
type imds struct {
	endpoint string
	client   *http.Client

	mu    sync.Mutex
	token string
	until time.Time
}

func newIMDS(endpoint string) *imds {
	return &imds{endpoint: endpoint, client: host.Client(nil)}
}

// errAbsent is an item that does not exist, which for notices is good news.
var errAbsent = errors.New("there is no such item")

// item reads one below latest/meta-data/. A token that is not accepted is
// replaced once.
func (m *imds) item(ctx context.Context, path string) (string, error) {
	for again := false; ; again = true {
		token, err := m.session(ctx)
		if err != nil {
			return "", fmt.Errorf("instance metadata: token: %w", err)
		}
		body, err := host.Fetch(ctx, m.client, http.MethodGet, m.endpoint+"/latest/meta-data/"+path, "",
			http.Header{"X-Aws-Ec2-Metadata-Token": {token}})
		switch code := host.Status(err); {
		case code == http.StatusUnauthorized && !again:
			m.forget(token)
			continue
		case code == http.StatusNotFound:
			return "", fmt.Errorf("instance metadata: %s: %w", path, errAbsent)
		case err != nil:
			return "", fmt.Errorf("instance metadata: %s: %w", path, err)
		}
		return strings.TrimSpace(string(body)), nil
	}
}

// session is the token. It is kept for most of its time.
func (m *imds) session(ctx context.Context) (string, error) {
	m.mu.Lock()
	token, until := m.token, m.until
	m.mu.Unlock()
	if token != "" && time.Now().Before(until) {
		return token, nil
	}
	body, err := host.Fetch(ctx, m.client, http.MethodPut, m.endpoint+"/latest/api/token", "",
		http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {fmt.Sprint(int(tokenTime.Seconds()))}})
	if err != nil {
		return "", err
	}
	token = strings.TrimSpace(string(body))
	if token == "" || len(token) > 4096 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", errors.New("the answer is no token")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token, m.until = token, time.Now().Add(tokenTime-time.Minute)
	return token, nil
}

func (m *imds) forget(token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token == token {
		m.token = ""
	}
}

func (m *imds) close() { m.client.CloseIdleConnections() }
