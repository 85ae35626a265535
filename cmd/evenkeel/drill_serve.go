package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/drill/check"
)

// gateTokenVariable is where the gate's token is.
const gateTokenVariable = "EVENKEEL_DRILL_TOKEN"

func newDrillServe(flags *drillFlags) *cobra.Command {
	var listen string
	var fresh time.Duration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer Flagger and Argo Rollouts with the verdict of a drill",
		Long: `Waits for POST /gate, makes the drill of the file and the flags, and answers with
its verdict: 200 for a pass, another status for all else, and the reason in the
body. One drill at a time; a call that comes meanwhile waits for it, at most as
long as ?wait= says (default 5s), and then is answered 425. A verdict is good
for --fresh, then the next call begins another drill. GET /gate begins none.

Beyond loopback a token is required, in ` + gateTokenVariable + `; callers send it as
"Authorization: Bearer TOKEN", or as metadata.token of a JSON body.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := drillIO{cmd.ErrOrStderr(), cmd.ErrOrStderr()}
			if _, err := flags.prepare(w); err != nil {
				return usageError(err)
			}
			g := &gate{fresh: fresh, token: os.Getenv(gateTokenVariable), begin: func(ctx context.Context) (gateAnswer, error) {
				d, err := flags.prepare(w)
				if err != nil {
					return gateAnswer{}, err
				}
				return d.gate(ctx)
			}}
			if err := g.serve(cmd.Context(), listen, cmd.OutOrStdout()); err != nil {
				return usageError(err)
			}
			return nil
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9940", "address to serve on")
	cmd.Flags().DurationVar(&fresh, "fresh", 10*time.Minute, "how long a verdict is good for")
	return cmd
}

// gateAnswer is the body of an answer.
type gateAnswer struct {
	Verdict string   `json:"verdict"` // that of a drill, running, error or none
	Reason  string   `json:"reason"`
	Failed  []string `json:"failed"` // guarantees
}

// gate makes the drill for the gate.
func (d *drilling) gate(ctx context.Context) (gateAnswer, error) {
	r, err := d.drill(ctx)
	if err != nil {
		return gateAnswer{}, err
	}
	if err := d.flags.write(d.io.Out, r); err != nil {
		return gateAnswer{}, err
	}
	a := gateAnswer{Verdict: string(r.Verdict), Failed: []string{}}
	for _, g := range r.Outcome.Guarantees {
		if g.Status == check.Fail {
			a.Failed = append(a.Failed, g.ID.String())
		}
	}
	a.Reason = reason(r)
	return a, nil
}

// gateStatus is the status of an answer.
func (a gateAnswer) status() int {
	switch a.Verdict {
	case string(check.VerdictPass):
		return http.StatusOK
	case string(check.VerdictFail):
		return http.StatusExpectationFailed
	case string(check.VerdictEventFailed), "error":
		return http.StatusInternalServerError
	case "running":
		return http.StatusTooEarly
	case "none":
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable // the drill proves nothing
}

// gate answers webhooks with the verdict of the drill that is under way or was
// the last.
type gate struct {
	fresh time.Duration
	token string
	begin func(context.Context) (gateAnswer, error)

	mu      sync.Mutex
	current *gateRun
}

// gateRun is one drill. answer and over are valid when done is closed.
type gateRun struct {
	done   chan struct{}
	answer gateAnswer
	over   time.Time
}

// Bounds of a call.
const (
	maxGateBody = 64 << 10
	gateWait    = 5 * time.Second
	gateWaitMax = 10 * time.Minute
)

// serve answers until ctx ends, and then ends the drill that is under way.
func (g *gate) serve(ctx context.Context, listen string, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", listen, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); g.token == "" && ok && !a.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("--listen %s: beyond loopback a token is required, in %s", listen, gateTokenVariable), l.Close())
	}
	fmt.Fprintf(out, "gate on http://%s/gate\n", l.Addr())
	var runs sync.WaitGroup
	mux := http.NewServeMux()
	mux.HandleFunc("GET /gate", func(w http.ResponseWriter, r *http.Request) { g.reply(w, r, g.last()) })
	mux.HandleFunc("POST /gate", func(w http.ResponseWriter, r *http.Request) { g.reply(w, r, g.run(ctx, &runs)) })
	srv := &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(g.guard(mux)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // Serve has the news
	defer stop()
	err = srv.Serve(l)
	runs.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// guard lets only those in who have the token, if there is one.
func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxGateBody))
		if err != nil {
			http.Error(w, "the body cannot be read, or is larger than 64 KiB", http.StatusBadRequest)
			return
		}
		if g.token != "" && !g.knows(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			var hook struct{ Metadata struct{ Token string } }
			if json.Unmarshal(body, &hook) != nil || !g.knows(hook.Metadata.Token) {
				http.Error(w, "a token is required", http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// knows compares in constant time.
func (g *gate) knows(token string) bool {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// last is the drill under way or the last one; nil before the first.
func (g *gate) last() *gateRun {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current
}

// run is the drill under way or the last one; where there is none, or it is no
// longer fresh, a new one.
func (g *gate) run(ctx context.Context, runs *sync.WaitGroup) *gateRun {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.current != nil {
		select {
		case <-g.current.done:
			if time.Since(g.current.over) < g.fresh {
				return g.current
			}
		default:
			return g.current
		}
	}
	run := &gateRun{done: make(chan struct{})}
	g.current = run
	runs.Go(func() {
		a, err := g.begin(ctx)
		if err != nil {
			a = gateAnswer{Verdict: "error", Reason: err.Error()}
		}
		run.answer, run.over = a, time.Now()
		close(run.done)
	})
	return run
}

// reply waits for the verdict, but not for long.
func (g *gate) reply(w http.ResponseWriter, r *http.Request, run *gateRun) {
	wait := gateWait
	if q := r.URL.Query().Get("wait"); q != "" {
		d, err := time.ParseDuration(q)
		if err != nil || d < 0 || d > gateWaitMax {
			http.Error(w, fmt.Sprintf("wait %.20q, allowed: 0s to %v", q, gateWaitMax), http.StatusBadRequest)
			return
		}
		wait = d
	}
	a := gateAnswer{Verdict: "none", Reason: "there was no drill yet; POST begins one"}
	if run != nil {
		waiting, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		a = run.after(waiting)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status())
	_ = json.NewEncoder(w).Encode(a) // the caller may be gone
}

// after is the verdict, or that there is none when ctx ends.
func (r *gateRun) after(ctx context.Context) gateAnswer {
	select {
	case <-r.done:
		return r.answer
	case <-ctx.Done():
	}
	select {
	case <-r.done: // both at once
		return r.answer
	default:
		return gateAnswer{Verdict: "running", Reason: "the drill is under way; ask again"}
	}
}
