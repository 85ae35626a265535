package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/internal/gateway/certs"
)

// prepareFront checks what stands before the groups, and reads the
// certificates.
func (g *Gateway) prepareFront() error {
	t := g.opt.Traffic
	if err := t.validate(); err != nil {
		return err
	}
	g.access = newAccessLog(g.opt.Access)
	if len(t.TLS) == 0 {
		return nil
	}
	var err error
	g.certs, err = certs.New(t.TLS, g.opt.Log)
	return err
}

// startFront opens the access log, and begins to write it and to follow the
// certificates' files. Stop ends both, the log with its last record.
func (g *Gateway) startFront(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	if g.certs != nil {
		running.Go(func() { g.certs.Run(ctx) })
	}
	if g.access != nil && g.access.file != nil {
		if err := g.access.file.open(); err != nil {
			cancel()
			running.Wait()
			return nil, err
		}
		running.Go(func() { g.access.file.run(ctx, g.accessFailed) })
	}
	return func() { cancel(); running.Wait() }, nil
}

func (g *Gateway) accessFailed(err error) {
	g.opt.Log.LogAttrs(context.Background(), slog.LevelError, "access log not written", slog.String("error", err.Error()))
}

// ReloadCertificates reads the certificates' files at once, instead of within
// seconds after they have changed. It returns a line per new certificate, and
// the errors of those that stay as they were.
func (g *Gateway) ReloadCertificates() (changes []string, err error) {
	if g.certs == nil {
		return nil, nil
	}
	return g.certs.Reload()
}

// headSlack is what net/http's server reads beyond MaxHeaderBytes before it
// refuses a head.
const headSlack = 4096

// server is a listener's server: the clients' with the options' limits.
func (g *Gateway) server(h http.Handler) *http.Server {
	l := g.opt.Traffic.Limits
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: l.HeadTime, // bounds the TLS handshake, too
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    l.HeadBytes - headSlack,
		ErrorLog:          slog.NewLogLogger(g.opt.Log.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
	}
	s.Protocols.SetHTTP1(true)
	return s
}

// front is the server that clients meet.
func (g *Gateway) front() *http.Server {
	s := g.server(g)
	if g.certs != nil {
		s.TLSConfig = g.certs.Config()
	}
	s.Protocols.SetHTTP2(g.certs != nil)
	s.Protocols.SetUnencryptedHTTP2(g.opt.Traffic.H2C)
	s.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          g.opt.Traffic.Limits.Streams,
		MaxReadFrameSize:              16 << 10, // net/http's 1 MiB would be kept per connection
		MaxReceiveBufferPerConnection: 1 << 20,
		MaxReceiveBufferPerStream:     256 << 10,
		SendPingTimeout:               30 * time.Second, // without a frame; finds clients that are gone without a word
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              g.opt.Traffic.Limits.WriteStall,
	}
	return s
}
