package link

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/proctest"
	"github.com/evenkeel/evenkeel/internal/redistest"
)

// certificate makes a self-signed one for 127.0.0.1 and cache.example, and the
// pool that trusts it.
func certificate(t *testing.T) (certFile, keyFile string, trust *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cache.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"cache.example"},
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	return write("cert", "CERTIFICATE", cert), write("key", "EC PRIVATE KEY", secret), trust
}

func TestTLSVerifiesTheServer(t *testing.T) {
	cert, key, trust := certificate(t)
	port := proctest.FreePort(t)
	s := redistest.Start(t, "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	addr := "127.0.0.1:" + strconv.Itoa(port)

	w := start(t, "rediss://"+addr, Options{TLS: &tls.Config{RootCAs: trust}})
	if err := w.set(t, "k"); err != nil {
		t.Errorf("a trusted server: %v", err)
	}
	if err := w.read(t, "k"); err != nil {
		t.Errorf("a trusted server, tracked: %v", err)
	}
	named := Options{TLS: &tls.Config{RootCAs: trust, ServerName: "cache.example"}}
	if err := start(t, "rediss://"+addr, named).set(t, "k"); err != nil {
		t.Errorf("a server of the name: %v", err)
	}

	wantFailure(t, start(t, "rediss://"+addr, Options{}).set(t, "k"), Unreachable, addr, "RootCAs")
	other := Options{TLS: &tls.Config{RootCAs: trust, ServerName: "other.example"}}
	wantFailure(t, start(t, "rediss://"+addr, other).set(t, "k"), Unreachable, "ServerName")
	mute := start(t, "rediss://"+s.Addr, Options{DialTimeout: budget / 2})
	wantFailure(t, mute.set(t, "k"), Unreachable, "redis instead of rediss")
	wantFailure(t, start(t, "redis://"+addr, Options{}).set(t, "k"), Disconnected, "rediss")

	if _, err := New("redis://"+addr, Options{TLS: &tls.Config{RootCAs: trust}}); err == nil {
		t.Error("TLS options without a TLS URL are accepted")
	}
}

// The password does not cross a network to a server that is not verified.
func TestNoPasswordIsSentToAnUnverifiedServer(t *testing.T) {
	cert, key, _ := certificate(t)
	port := proctest.FreePort(t)
	s := redistest.Start(t, "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	w := start(t, "rediss://:secret@127.0.0.1:"+strconv.Itoa(port), Options{})
	wantFailure(t, w.set(t, "k"), Unreachable)
	stats, err := s.Info("commandstats")
	if err != nil {
		t.Fatal(err)
	}
	if _, sent := stats["cmdstat_hello"]; sent {
		t.Error("the server got a HELLO")
	}
}
