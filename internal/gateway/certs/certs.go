// Package certs serves TLS certificates from files and follows their changes
// while connections go on.
//
//	store, err := certs.New([]certs.Pair{{CertFile: "shop.pem", KeyFile: "shop.key"}}, log)
//	go store.Run(ctx)
//	ln = tls.NewListener(ln, store.Config())
//
// # Guarantees
//
//   - A pair is replaced as a whole: no handshake sees the certificate of one
//     state of the files and the key of another.
//   - A new pair that cannot be read, does not fit together, has expired or is
//     not valid yet changes nothing: the running one stays, and that is
//     counted and logged once per state of the files.
//   - A change touches no connection that is open.
//
// # Not guaranteed
//
//   - A change that keeps size, modification time and inode of both files is
//     not seen; call [Store.Reload].
//   - Resumed sessions keep the certificate they were begun with.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Interval is how often Run looks at the files.
const Interval = 5 * time.Second

// Pair names the two PEM files of one certificate. CertFile holds the chain,
// the certificate itself first.
type Pair struct{ CertFile, KeyFile string }

// Status is a pair as it is served.
type Status struct {
	CertFile  string
	Names     []string // DNS names and addresses, as the certificate lists them
	NotBefore time.Time
	NotAfter  time.Time
	Reloads   uint64 // changes that were taken over
	Failures  uint64 // changes that were refused
	LastError string // of the newest change, if that was refused
}

// Store holds the certificates of some pairs. It is safe for concurrent use.
type Store struct {
	log   *slog.Logger
	index atomic.Pointer[index]

	mu    sync.Mutex
	files []*files // in the order of the pairs
}

// New loads the pairs, the first of which is for clients that name no server
// or one that no pair is for. A pair that has expired is an error only when
// it comes later.
func New(pairs []Pair, log *slog.Logger) (*Store, error) {
	if len(pairs) == 0 {
		return nil, errors.New("tls: no certificate")
	}
	s := &Store{log: log}
	var errs []error
	for _, p := range pairs {
		f := &files{Pair: p, seen: signatureOf(p)}
		cert, err := load(p)
		if err != nil {
			errs = append(errs, err)
		}
		f.cert = cert
		s.files = append(s.files, f)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, f := range s.files {
		if err := current(f.cert, time.Now()); err != nil {
			log.LogAttrs(context.Background(), slog.LevelWarn, "serving a certificate that clients refuse",
				slog.String("cert_file", f.CertFile), slog.String("error", err.Error()))
		}
	}
	s.index.Store(newIndex(s.files))
	return s, nil
}

// Config is for the listener: TLS 1.2 at least, the certificate by the name
// that the client asks for.
func (s *Store) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.get}
}

func (s *Store) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.index.Load().choose(hello), nil
}

// Run follows changes of the files until ctx ends.
func (s *Store) Run(ctx context.Context) { s.run(ctx, Interval) }

func (s *Store) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = s.update(false) // logged and counted there
		}
	}
}

// Reload reads all files again. It returns a line per certificate that is
// another now, and the errors of those that stay as they were.
func (s *Store) Reload() (changes []string, err error) { return s.update(true) }

// update takes over what has changed; all reads also what looks the same.
func (s *Store) update(all bool) (changes []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		now := signatureOf(f.Pair)
		if !all && now == f.seen {
			continue
		}
		f.seen = now
		changed, err := f.reload(time.Now())
		switch {
		case err != nil:
			errs = append(errs, err)
			s.log.LogAttrs(context.Background(), slog.LevelError, "new certificate refused, the running one stays",
				slog.String("cert_file", f.CertFile), slog.Time("not_after", f.cert.Leaf.NotAfter), slog.String("error", err.Error()))
		case changed:
			changes = append(changes, fmt.Sprintf("%s: valid until %s", f.CertFile, f.cert.Leaf.NotAfter.UTC().Format(time.RFC3339)))
			s.log.LogAttrs(context.Background(), slog.LevelInfo, "certificate replaced",
				slog.String("cert_file", f.CertFile), slog.Time("not_after", f.cert.Leaf.NotAfter))
		}
	}
	if len(changes) > 0 {
		s.index.Store(newIndex(s.files))
	}
	return changes, errors.Join(errs...)
}

// Stats returns the pairs in their order.
func (s *Store) Stats() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Status, len(s.files))
	for i, f := range s.files {
		leaf := f.cert.Leaf
		names := slices.Clone(leaf.DNSNames)
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
		out[i] = Status{CertFile: f.CertFile, Names: names, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
			Reloads: f.reloads, Failures: f.failures, LastError: f.lastError}
	}
	return out
}
