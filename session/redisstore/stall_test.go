package redisstore

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// How a server that hangs is met: as many requests as before go on to come.
const (
	stallRate   = 1000            // requests a second
	stallAround = 2 * time.Second // before and after it
	stallUsers  = 250
	stallBudget = 250 * time.Millisecond
	stallLateBy = stallBudget + time.Second // a refused write may still happen until then
	stallWrites = 3                         // every third request
)

// answer is one request as its user knows it.
type answer struct {
	user, code int
	token      string // that it wanted to add; empty for a read
	sent, at   time.Time
}

// stall sends the requests while the server hangs and goes on, and returns
// the answers, the tokens of each session in the end, when the server stopped
// and went on, and the most goroutines that there were more than at the start.
func stall(t *testing.T, hang time.Duration, edit func(string) string) (answers []answer, stored [][]string, stop, cont time.Time, more int) {
	t.Helper()
	server := redistest.Start(t)
	store := open(t, server, nil)
	store.scripts = newScripts(edit)
	m, err := session.New(store, session.Options{
		Budget: stallBudget, MaxStarts: -1,
		// Copies let a handler begin although the server hangs, so that its
		// write is sent.
		Cache: session.CacheBounded,
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens := session.NewList[string]("tokens")
	pages := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if token := r.FormValue("t"); token != "" {
			if err := tokens.Append(s, token); err != nil {
				session.Error(w, r, err)
			}
			return
		}
		list, err := tokens.Values(s)
		if err != nil {
			session.Error(w, r, err)
			return
		}
		fmt.Fprint(w, strings.Join(list, " "))
	}))
	call := func(method, query, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "https://site/?"+query, nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w
	}
	cookies := make([]string, stallUsers)
	for i := range cookies {
		cookies[i] = strings.SplitN(call("POST", fmt.Sprintf("t=u%d", i), "").Header().Get("Set-Cookie"), ";", 2)[0]
		call("GET", "", cookies[i]) // the cookie has arrived
	}

	before := runtime.NumGoroutine()
	var mu sync.Mutex
	var requests sync.WaitGroup
	start := time.Now()
	tick := time.NewTicker(time.Second / stallRate)
	defer tick.Stop()
	for n := 0; time.Since(start) < 2*stallAround+hang; n++ {
		switch at := time.Since(start); {
		case stop.IsZero() && at > stallAround:
			server.Stop()
			stop = time.Now()
		case cont.IsZero() && at > stallAround+hang:
			cont = time.Now()
			server.Cont()
		}
		requests.Go(func() {
			a := answer{user: n % stallUsers, sent: time.Now()}
			query, method := "", "GET"
			if n%stallWrites == 0 {
				a.token = fmt.Sprintf("n%d", n)
				query, method = "t="+a.token, "POST"
			}
			a.code = call(method, query, cookies[a.user]).Code
			a.at = time.Now()
			mu.Lock()
			answers = append(answers, a)
			mu.Unlock()
		})
		more = max(more, runtime.NumGoroutine()-before)
		<-tick.C
	}
	requests.Wait()
	stored = make([][]string, stallUsers)
	for i := range stored {
		eventually(t, func() bool {
			w := call("GET", "", cookies[i])
			stored[i] = strings.Fields(w.Body.String())
			return w.Code == http.StatusOK
		})
	}
	return answers, stored, stop, cont, more
}

// tooLate are the writes that were refused while the server hung, so early that
// they could only happen too late, and did.
func tooLate(answers []answer, stored [][]string, stop, cont time.Time) (refused, happened int) {
	for _, a := range answers {
		if a.token == "" || a.code == http.StatusOK || a.sent.Before(stop) || a.at.Add(stallLateBy).After(cont) {
			continue
		}
		refused++
		if slices.Contains(stored[a.user], a.token) {
			happened++
		}
	}
	return refused, happened
}

func TestAServerThatHangsLosesNothingAndLeavesNothingBehind(t *testing.T) {
	answers, stored, stop, cont, more := stall(t, 10*time.Second, func(source string) string { return source })
	var took []time.Duration
	codes := map[int]int{}
	missing := 0
	for _, a := range answers {
		codes[a.code]++
		if a.sent.After(stop) && a.sent.Before(cont) {
			took = append(took, a.at.Sub(a.sent))
		}
		if a.token != "" && a.code == http.StatusOK && !slices.Contains(stored[a.user], a.token) {
			missing++
		}
	}
	for i, list := range stored {
		if !slices.Contains(list, fmt.Sprintf("u%d", i)) {
			t.Errorf("session %d has %q", i, list)
		}
	}
	if codes[http.StatusOK]+codes[http.StatusServiceUnavailable] != len(answers) {
		t.Errorf("answers: %v", codes)
	}
	refused, happened := tooLate(answers, stored, stop, cont)
	slices.Sort(took)
	t.Logf("%d requests: %v; while it hung p50 %v, p99 %v, longest %v; %d goroutines more; %d writes refused early, %d of them happened later",
		len(answers), codes, took[len(took)/2], took[len(took)*99/100], took[len(took)-1], more, refused, happened)
	if missing > 0 || happened > 0 {
		t.Errorf("%d acknowledged writes are missing; %d writes happened long after they were refused", missing, happened)
	}
	if refused == 0 || codes[http.StatusOK] < 1000 {
		t.Error("too few requests were refused or answered to say something")
	}
	if limit := stallRate; more > limit {
		t.Errorf("%d goroutines more: they are not bounded by what arrives within the budget", more)
	}
}

// The planted fault: a script that does not look at the time applies what lay
// in its socket while it hung.
func TestAServerThatHangsAndLooksAtNoClockActsTooLate(t *testing.T) {
	answers, stored, stop, cont, _ := stall(t, 4*time.Second, func(source string) string {
		return strings.Replace(source, "now >= notAfter", "false", 1)
	})
	if refused, happened := tooLate(answers, stored, stop, cont); happened == 0 {
		t.Errorf("none of %d refused writes happened: the harness would not notice", refused)
	}
}
