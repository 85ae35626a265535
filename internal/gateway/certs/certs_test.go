package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

// made is a certificate with its key, as files hold them.
type made struct{ cert, key []byte }

func create(t *testing.T, serial int64, valid time.Duration, names ...string) made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(valid)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return made{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})}
}

// replace writes a file as renewers do it: a new one over the old one.
func replace(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (m made) in(t *testing.T) Pair {
	t.Helper()
	dir := t.TempDir()
	p := Pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	replace(t, p.CertFile, m.cert)
	replace(t, p.KeyFile, m.key)
	return p
}

const day = 24 * time.Hour

// serial is of the certificate for a client that asks for name.
func serial(t *testing.T, s *Store, name string) int64 {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	go tls.Server(local{there}, s.Config()).Handshake()
	c := tls.Client(here, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// local is a connection to 192.0.2.7.
type local struct{ net.Conn }

func (local) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 443} }

func TestChoice(t *testing.T) {
	s, err := New([]Pair{
		create(t, 1, day, "first.example").in(t), create(t, 2, day, "shop.example", "*.shop.example").in(t),
		create(t, 3, day, "api.shop.example", "SHOP2.example").in(t), create(t, 4, day, "192.0.2.7").in(t),
	}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{
		"first.example": 1, "shop.example": 2, "www.shop.example": 2, "api.shop.example": 3, "API.shop.example": 3, "shop2.example": 3,
		"a.b.shop.example": 1, "unknown.example": 1, "example": 1, "": 4,
	} {
		if got := serial(t, s, name); got != want {
			t.Errorf("%q gets certificate %d, want %d", name, got, want)
		}
	}
}

func TestNewErrors(t *testing.T) {
	good := create(t, 1, day, "a.example")
	missing := Pair{filepath.Join(t.TempDir(), "none.crt"), filepath.Join(t.TempDir(), "none.key")}
	mixed := made{good.cert, create(t, 2, day, "a.example").key}.in(t)
	broken := made{[]byte("-----BEGIN CERTIFICATE-----\nsecret\n"), good.key}.in(t)
	_, err := New([]Pair{missing, good.in(t), mixed, broken}, quiet)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{missing.CertFile, mixed.CertFile + " with key " + mixed.KeyFile, broken.CertFile} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error quotes a file: %q", err)
	}
	if _, err := New(nil, quiet); err == nil {
		t.Error("no pair is no error")
	}
	// One that has expired is better than none at a start.
	if _, err := New([]Pair{create(t, 1, -day, "a.example").in(t)}, quiet); err != nil {
		t.Error(err)
	}
}

// Whatever happens to the files, a certificate is served that was good, and
// changes are counted once.
func TestChanges(t *testing.T) {
	first, second := create(t, 1, day, "a.example"), create(t, 2, day, "a.example")
	expired, future := create(t, 3, -day, "a.example"), create(t, 4, day, "a.example")
	p := first.in(t)
	var log strings.Builder
	s, err := New([]Pair{p}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	write := func(m made) func() {
		return func() {
			replace(t, p.CertFile, m.cert)
			replace(t, p.KeyFile, m.key)
		}
	}
	for _, step := range []struct {
		name              string
		change            func()
		serial            int64
		reloads, failures uint64
	}{
		{"nothing", func() {}, 1, 0, 0},
		{"the same again", write(first), 1, 0, 0},
		{"a new certificate without its key", func() { replace(t, p.CertFile, second.cert) }, 1, 0, 1},
		{"nothing more", func() {}, 1, 0, 1},
		{"its key", func() { replace(t, p.KeyFile, second.key) }, 2, 1, 1},
		{"one that has expired", write(expired), 2, 1, 2},
		{"a file that is empty", func() { replace(t, p.CertFile, nil) }, 2, 1, 3},
		{"a file that is gone", func() { os.Remove(p.CertFile) }, 2, 1, 4},
		{"a good one", write(future), 4, 2, 4},
	} {
		step.change()
		_, _ = s.update(false)
		if got := serial(t, s, "a.example"); got != step.serial {
			t.Errorf("%s: certificate %d, want %d", step.name, got, step.serial)
		}
		st := s.Stats()[0]
		if st.Reloads != step.reloads || st.Failures != step.failures {
			t.Errorf("%s: %+v", step.name, st)
		}
	}
	if st := s.Stats()[0]; st.LastError != "" || st.Names[0] != "a.example" || !st.NotBefore.Before(time.Now()) {
		t.Errorf("%+v", st)
	}
	if n := strings.Count(log.String(), "new certificate refused"); n != 4 {
		t.Errorf("%d refusals in the log:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
}

// One bad pair does not hold up another.
func TestReload(t *testing.T) {
	bad, good := create(t, 1, day, "a.example").in(t), create(t, 2, day, "b.example").in(t)
	s, err := New([]Pair{bad, good}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, bad.KeyFile, []byte("x"))
	next := create(t, 3, day, "b.example")
	replace(t, good.CertFile, next.cert)
	replace(t, good.KeyFile, next.key)
	changes, err := s.Reload()
	if err == nil || !strings.Contains(err.Error(), bad.CertFile) || len(changes) != 1 || !strings.HasPrefix(changes[0], good.CertFile+": valid until ") {
		t.Errorf("%q, %v", changes, err)
	}
	if a, b := serial(t, s, "a.example"), serial(t, s, "b.example"); a != 1 || b != 3 {
		t.Errorf("certificates %d and %d", a, b)
	}
}

// Run sees a change by itself, through a symbolic link as Kubernetes moves it.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, m made) {
		os.Mkdir(filepath.Join(dir, name), 0o700)
		replace(t, filepath.Join(dir, name, "tls.crt"), m.cert)
		replace(t, filepath.Join(dir, name, "tls.key"), m.key)
		os.Symlink(name, filepath.Join(dir, "data.new"))
		if err := os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
	}
	write("one", create(t, 1, day, "a.example"))
	s, err := New([]Pair{{filepath.Join(dir, "data", "tls.crt"), filepath.Join(dir, "data", "tls.key")}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx, time.Millisecond)
	}()
	write("two", create(t, 2, day, "a.example"))
	for deadline := time.Now().Add(20 * time.Second); serial(t, s, "a.example") != 2; {
		if time.Now().After(deadline) {
			t.Fatal("the change is not seen")
		}
	}
	cancel()
	<-done
}
