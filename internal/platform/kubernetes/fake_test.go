package kubernetes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host/hosttest"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

func TestMain(m *testing.M) { os.Exit(proctest.Goroutines(m)) }

// fake is the part of an API server that is about one pod. Its wire formats
// are those of the Kubernetes API reference: GET and PATCH of a Pod v1, a
// Status for errors; RFC 7386 for the patch.
type fake struct {
	*httptest.Server
	ca []byte

	mu      sync.Mutex
	token   string
	denied  bool
	broken  http.HandlerFunc // instead of an answer
	spec    string
	costs   []string // what each PATCH set; "-" removed it
	cost    string
	calls   int
	strange []string // what no client should send
}

func newFake(t *testing.T, spec string) *fake {
	f := &fake{token: "token-1", spec: spec, cost: "-"}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	cert, ca := certificate(t)
	f.ca = ca
	f.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

// certificate is self-signed, for 127.0.0.1.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.broken != nil {
		broken := f.broken
		f.mu.Unlock()
		defer f.mu.Lock()
		broken(w, r)
		return
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+f.token:
		status(w, 401, "Unauthorized", "Unauthorized")
	case f.denied:
		status(w, 403, "Forbidden", `pods "web-1" is forbidden: User "system:serviceaccount:shop:default" cannot `+strings.ToLower(r.Method)+` resource "pods" in API group "" in the namespace "shop"`)
	case r.URL.Path != "/api/v1/namespaces/shop/pods/web-1":
		status(w, 404, "NotFound", "pods not found")
	case r.Method == http.MethodPatch:
		f.patch(r)
		f.pod(w)
	case r.Method == http.MethodGet:
		f.pod(w)
	default:
		f.strange = append(f.strange, r.Method)
	}
}

func (f *fake) pod(w http.ResponseWriter) {
	annotations := `{"other":"kept"}`
	if f.cost != "-" {
		annotations = fmt.Sprintf(`{"other":"kept",%q:%q}`, costAnnotation, f.cost)
	}
	fmt.Fprintf(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-1","namespace":"shop","annotations":%s},"spec":%s,"status":{"phase":"Running"}}`, annotations, f.spec)
}

func (f *fake) patch(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var p struct {
		Metadata struct{ Annotations map[string]*string }
	}
	err := json.Unmarshal(body, &p)
	value, ok := p.Metadata.Annotations[costAnnotation]
	if err != nil || !ok || len(p.Metadata.Annotations) != 1 || r.Header.Get("Content-Type") != "application/merge-patch+json" || r.URL.Query().Get("fieldManager") == "" {
		f.strange = append(f.strange, string(body))
		return
	}
	f.cost = "-"
	if value != nil {
		f.cost = *value
	}
	f.costs = append(f.costs, f.cost)
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) now() (cost string, writes, calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cost, len(f.costs), f.calls
}

// account writes the files of a service account.
func account(t *testing.T, dir string, ca []byte, token string) {
	t.Helper()
	for name, content := range map[string]string{"token": token + "\n", "ca.crt": string(ca), "namespace": "shop"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// pods is a Host of the fake, with short times.
func pods(t *testing.T, f *fake) (*Host, *hosttest.Log) {
	dir := t.TempDir()
	account(t, dir, f.ca, "token-1")
	log := new(hosttest.Log)
	return New(Options{Server: f.URL, Dir: dir, Pod: "web-1", DeletionCost: true, Every: 20 * time.Millisecond, Tick: time.Millisecond}, log.Logger()), log
}

// running runs it until the test stops it.
