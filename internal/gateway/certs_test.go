package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/certs"
)

// writePair writes a certificate for names that is valid for a day, in files
// that are replaced as renewers do it.
func writePair(t *testing.T, p certs.Pair, serial int64, names ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{p.CertFile: {Type: "CERTIFICATE", Bytes: der}, p.KeyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		fresh := path + ".new"
		if err := os.WriteFile(fresh, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
	}
}

func pairIn(t *testing.T) certs.Pair {
	dir := t.TempDir()
	return certs.Pair{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
}

// overTLS are options of a gateway that speaks TLS.
func overTLS(t *testing.T, opt Options) Options {
	t.Helper()
	p := pairIn(t)
	writePair(t, p, 1, "shop.example")
	opt.Traffic.TLS = []certs.Pair{p}
	return opt
}

// insecure trusts every certificate, for a listener on loopback.
func insecure(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example", NextProtos: protocols}
}

func TestTLS(t *testing.T) {
	f := start(t, overTLS(t, options(sticky(0, app(t, "a", echo)))))
	for proto, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		tr := &http.Transport{TLSClientConfig: insecure(), ForceAttemptHTTP2: h2}
		resp, err := (&http.Client{Transport: tr}).Get("https://" + f.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		tr.CloseIdleConnections()
		if resp.Proto != proto || !strings.Contains(string(b), "X-Forwarded-Proto: https\r\n") {
			t.Errorf("%s: %s %q", proto, resp.Proto, b)
		}
		if c := resp.Header.Get("Set-Cookie"); !strings.HasSuffix(c, "; Path=/; HttpOnly; SameSite=Lax; Secure") {
			t.Errorf("cookie %q", c)
		}
	}
	for version, served := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := insecure()
		config.MinVersion, config.MaxVersion = version, version
		c, err := tls.Dial("tcp", f.addr, config)
		if err == nil {
			c.Close()
		}
		if served != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// A new certificate is served to new connections; those that are open go on,
// and a pair that does not fit together changes nothing.
func TestCertificateReload(t *testing.T) {
	opt := overTLS(t, options(shop(app(t, "a", nil))))
	pair := opt.Traffic.TLS[0]
	f := start(t, opt)
	get := func(c *tls.Conn) answer {
		t.Helper()
		raw := &client{c, bufio.NewReader(c)}
		return raw.do("GET", "/", "")
	}
	before, err := tls.Dial("tcp", f.addr, insecure())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	get(before).want(t, 200, "a")

	writePair(t, pair, 2, "shop.example")
	if changes, err := f.ReloadCertificates(); err != nil || len(changes) != 1 {
		t.Fatalf("changes %v, %v", changes, err)
	}
	other := pairIn(t)
	writePair(t, other, 3, "shop.example")
	if err := os.Rename(other.KeyFile, pair.KeyFile); err != nil { // the key of another certificate
		t.Fatal(err)
	}
	if changes, err := f.ReloadCertificates(); err == nil || len(changes) != 0 {
		t.Fatalf("changes %v, %v", changes, err)
	}
	get(before).want(t, 200, "a")
	after, err := tls.Dial("tcp", f.addr, insecure())
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	get(after).want(t, 200, "a")
	for c, serial := range map[*tls.Conn]int64{before: 1, after: 2} {
		if got := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("certificate %d, want %d", got, serial)
		}
	}
	s := f.Stats().Certificates[0]
	if s.Reloads != 1 || s.Failures != 1 || !strings.Contains(s.LastError, "private key") || time.Until(s.NotAfter) < 23*time.Hour {
		t.Errorf("%+v", s)
	}
	var text strings.Builder
	f.Stats().WritePrometheus(&text)
	for _, want := range []string{
		fmt.Sprintf("evenkeel_gateway_certificate_expiry_timestamp_seconds{cert_file=%q} %d\n", pair.CertFile, s.NotAfter.Unix()),
		fmt.Sprintf("evenkeel_gateway_certificate_reloads_total{cert_file=%q,result=\"refused\"} 1\n", pair.CertFile),
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
}
