package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Drain starts the way out of the run whose admin API is at addr, and waits
// until nothing is in flight, at most for wait; 0 does not wait. An error means
// that the run could not be asked.
func Drain(ctx context.Context, addr string, wait time.Duration) (Drained, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+10*time.Second)
	defer cancel()
	d, err := ask(ctx, http.MethodPost, addr, "/drain")
	if err != nil || wait <= 0 {
		return d, err
	}
	return ask(ctx, http.MethodGet, addr, "/drain/wait?timeout="+url.QueryEscape(wait.String()))
}

func ask(ctx context.Context, method, addr, path string) (d Drained, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, nil)
	if err != nil {
		return d, fmt.Errorf("admin address %q: %w", addr, err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return d, fmt.Errorf("nobody answers at %s: is evenkeel run there, with this --admin? %w", addr, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return d, fmt.Errorf("%s%s answered %s", addr, path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&d); err != nil {
		return d, fmt.Errorf("%s%s: not the answer of a run: %w", addr, path, err)
	}
	return d, nil
}

// ExitCode is that of evenkeel drain: 0 if nothing was cut.
func (d Drained) ExitCode(waited bool) int {
	if d.Cut > 0 || waited && !d.Empty {
		return 1
	}
	return 0
}

func (d Drained) String() string {
	return fmt.Sprintf("empty %t, in flight %d, streams %d, cut %d", d.Empty, d.InFlight, d.Streams, d.Cut)
}
