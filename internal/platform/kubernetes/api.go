package kubernetes

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// costAnnotation is read by the ReplicaSet controller: an int32 as text,
// absent is 0 (k8s.io/api/core/v1, PodDeletionCost).
const costAnnotation = "controller.kubernetes.io/pod-deletion-cost"

// api is the API server, of which only the own pod is asked for. It is safe
// for concurrent use.
type api struct {
	opt Options

	mu     sync.Mutex
	ca     []byte // that client trusts
	client *http.Client
}

func newAPI(opt Options) *api { return &api{opt: opt} }

// serverOf is empty outside of a cluster.
func serverOf(env func(string) string) string {
	name, port := env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")
	if name == "" {
		return ""
	}
	if port == "" {
		port = "443"
	}
	return "https://" + net.JoinHostPort(name, port)
}

// pod reads the own pod.
func (a *api) pod(ctx context.Context) (*pod, error) {
	body, err := a.call(ctx, http.MethodGet, "", "", "")
	if err != nil {
		return nil, fmt.Errorf("read the own pod: %w", err)
	}
	return decode(body)
}

func decode(body []byte) (*pod, error) {
	p := new(pod)
	if err := json.Unmarshal(body, p); err != nil {
		return nil, fmt.Errorf("read the own pod: %w", err)
	}
	if p.Kind != "Pod" {
		return nil, fmt.Errorf("read the own pod: the answer is of kind %q", host.Line(p.Kind))
	}
	return p, nil
}

// annotate sets the deletion cost; nil removes it. Another's change of the pod
// in the same moment is no conflict: the patch carries no resourceVersion.
func (a *api) annotate(ctx context.Context, cost *int32) error {
	value := "null"
	if cost != nil {
		value = strconv.Quote(strconv.Itoa(int(*cost)))
	}
	body := `{"metadata":{"annotations":{` + strconv.Quote(costAnnotation) + `:` + value + `}}}`
	if _, err := a.call(ctx, http.MethodPatch, "?fieldManager=evenkeel", "application/merge-patch+json", body); err != nil {
		return fmt.Errorf("annotate the own pod: %w", err)
	}
	return nil
}

func (a *api) call(ctx context.Context, method, query, contentType, body string) ([]byte, error) {
	if a.opt.Pod == "" {
		return nil, errors.New("the pod's name is unknown: set POD_NAME")
	}
	client, token, err := a.credentials()
	if err != nil {
		return nil, err
	}
	u := a.opt.Server + "/api/v1/namespaces/" + url.PathEscape(a.opt.Namespace) + "/pods/" + url.PathEscape(a.opt.Pod) + query
	header := http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return host.Fetch(ctx, client, method, u, body, header)
}

// credentials reads the files again: the kubelet replaces the token about once
// an hour, and an administrator the CA.
func (a *api) credentials() (client *http.Client, token string, err error) {
	t, err := os.ReadFile(filepath.Join(a.opt.Dir, "token"))
	if err != nil {
		return nil, "", fmt.Errorf("no service account (is automountServiceAccountToken false?): %w", err)
	}
	token = strings.TrimSpace(string(t))
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || token == "" {
		return nil, "", errors.New("the service account's token file does not hold a token")
	}
	ca, err := os.ReadFile(filepath.Join(a.opt.Dir, "ca.crt"))
	if err != nil {
		return nil, "", fmt.Errorf("no service account: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && bytes.Equal(ca, a.ca) {
		return a.client, token, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, "", errors.New("the service account's ca.crt holds no certificate")
	}
	if a.client != nil {
		a.client.CloseIdleConnections()
	}
	a.ca, a.client = ca, host.Client(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	return a.client, token, nil
}

// close closes idle connections.
func (a *api) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil {
		a.client.CloseIdleConnections()
	}
}
