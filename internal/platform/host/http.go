package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxAnswer = 1 << 20 // a pod with long annotations has some 100 KB

// Timeout bounds one call, to an endpoint that hangs.
const Timeout = 10 * time.Second

// Client is for endpoints of the platform, which are near: it uses no proxy
// and follows no redirect. config is for https, nil is the default.
func Client(config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    Timeout,
			MaxIdleConns:           2,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      config != nil,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Code int
	Body string // its beginning, in one line
}

// Error implements error.
func (e *StatusError) Error() string {
	if e.Body == "" {
		return fmt.Sprintf("status %d", e.Code)
	}
	return fmt.Sprintf("status %d: %s", e.Code, e.Body)
}

// Status is the code of a *StatusError in err, else 0.
func Status(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Code
	}
	return 0
}

// Fetch makes a call within [Timeout] and reads the answer. An answer other
// than 2xx is a *StatusError, and body is what came with it.
func Fetch(ctx context.Context, c *http.Client, method, url, body string, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", "evenkeel")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return answer, &StatusError{Code: resp.StatusCode, Body: Line(string(answer))}
	}
	return answer, nil
}

// Line makes text of strangers fit for a log: one line, printable, at most 200
// bytes.
func Line(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))), " ")
}
