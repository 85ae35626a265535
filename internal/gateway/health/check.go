package health

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// checker uses each connection once: a check says whether a new request would
// get through now, and must not be replayed behind our back.
var checker = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Check asks the target at addr (host:port) once; nil is a success. Without
// active checks it succeeds.
func Check(ctx context.Context, addr string, opt Options) error {
	opt = opt.WithDefaults()
	if !opt.Active() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, opt.Timeout)
	defer cancel()
	if opt.Path == "" {
		return connect(ctx, addr, opt.Timeout)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+opt.Path, nil)
	if err != nil {
		return err
	}
	req.Host = opt.Host
	req.Header.Set("User-Agent", "evenkeel-health")
	resp, err := checker.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("GET %s answered %d", opt.Path, resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return err
}

func connect(ctx context.Context, addr string, timeout time.Duration) error {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
