package certs

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"time"
)

// files are a pair and what was last read from it.
type files struct {
	Pair
	cert      *tls.Certificate // with Leaf
	seen      [2]signature     // when they were last read
	reloads   uint64
	failures  uint64
	lastError string
}

// reload takes the files' content over if it is good. It reports whether the
// certificate is another now.
func (f *files) reload(now time.Time) (changed bool, err error) {
	cert, err := load(f.Pair)
	if err == nil {
		err = current(cert, now)
	}
	if err != nil {
		f.failures++
		f.lastError = err.Error()
		return false, err
	}
	f.lastError = ""
	if same(cert, f.cert) {
		return false, nil
	}
	f.cert = cert
	f.reloads++
	return true, nil
}

func same(a, b *tls.Certificate) bool {
	if len(a.Certificate) != len(b.Certificate) {
		return false
	}
	for i := range a.Certificate {
		if !bytes.Equal(a.Certificate[i], b.Certificate[i]) {
			return false
		}
	}
	return true // its key is the same, or it would not fit
}

// load reads a pair. The error of a broken key says nothing of its content.
func load(p Pair) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls: certificate %s with key %s: %w", p.CertFile, p.KeyFile, err)
	}
	return &cert, nil
}

// current reports that a certificate is outside its time.
func current(cert *tls.Certificate, now time.Time) error {
	switch leaf := cert.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("tls: certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("tls: certificate is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// signature tells two states of a file apart without reading it. A file that
// is not there has the zero value.
type signature struct {
	modified time.Time
	size     int64
	inode    uint64
}

func signatureOf(p Pair) (s [2]signature) {
	for i, path := range []string{p.CertFile, p.KeyFile} {
		if info, err := os.Stat(path); err == nil { // through symbolic links, as those of Kubernetes' volumes
			s[i] = signature{info.ModTime(), info.Size(), inode(info)}
		}
	}
	return s
}
