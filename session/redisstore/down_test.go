package redisstore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/redistest"
	"github.com/evenkeel/evenkeel/session"
)

// While sessions cannot be had, those who are signed in are told to come again,
// nobody is taken for a stranger, and strangers notice nothing; and when the
// fault is over, all is as it was, without a restart of anything.
func TestDownIsNeverSignedOut(t *testing.T) {
	for name, prepare := range downFaults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, complaint := range newOutage(t, prepare(t), downModes, nil).run() {
				t.Error(complaint)
			}
		})
	}
}

// A write that was refused before anything was sent has not happened: what was
// known of the session still is, and its grace goes on. After one whose outcome
// is open nothing is known.
func TestDownRefusedWriteKeepsTheGrace(t *testing.T) {
	t.Parallel()
	for _, mode := range downModes {
		if !mode.graced() {
			continue
		}
		s := redistest.Start(t)
		alice := newDownService(t, mode, "redis://"+s.Addr, Connection{}, nil).signedIn(t, "alice")
		awaitFact(t, "there is a copy", func() string { // what is read while a connection is made is not kept
			alice.must(t, "/who", "alice 0 0")
			if alice.store.Stats().CacheHits == 0 {
				return "no load was answered from one"
			}
			return ""
		})
		downKill(s)()
		awaitFact(t, "the breaker opens", func() string {
			alice.must(t, "/who", "alice 0 0")
			if n := alice.store.Stats().BreakersOpen; n != 1 {
				return fmt.Sprint(n, " breakers are open")
			}
			return ""
		})
		if a := alice.get("/write?v=1"); a.code != http.StatusServiceUnavailable {
			t.Errorf("%s: a write got %d %q, %v", mode.name, a.code, a.body, a.err)
		}
		alice.must(t, "/who", "alice 0 0")
		if a := alice.get("/in?u=alice"); a.code != http.StatusServiceUnavailable || len(a.cookies) > 0 {
			t.Errorf("%s: a sign-in got %d %q, %v", mode.name, a.code, a.body, a.err)
		}
		alice.must(t, "/who", "alice 0 0")
	}
}

// The control: the harness complains of nothing where nothing happens, and
// nobody gets a 503.
func TestDownControl(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := newOutage(t, downFault{addr: s.Addr}, downModes, nil)
	o.await("all is well", o.well(downBefore))
	o.stop()
	for _, complaint := range o.review(time.Now()) {
		t.Error(complaint)
	}
}

// The harness finds a store for which an outage is the end of a session, and
// one that takes the outcome of a write for granted.
func TestDownHarnessFindsPlantedFaults(t *testing.T) {
	for want, c := range map[string]struct {
		planted plantedStore
		kind    string
	}{
		aRead + ": signed out":                                  {plantedStore{load: func(error) error { return session.ErrNotFound }}, aRead},
		aSignIn + ": acknowledged while nothing can be written": {plantedStore{commit: func(error) error { return nil }}, aSignIn},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			f := downFault{addr: s.Addr, begin: downKill(s)}
			o := newOutage(t, f, downModes[:2], func(s session.Store) session.Store {
				planted := c.planted
				planted.Store = s
				return planted
			})
			o.await("all is well", o.well(downBefore))
			o.begin()
			o.await("the planted fault is there", func(d *downTraffic) string { return d.want(downDuring, http.StatusOK, c.kind) })
			o.stop()
			for _, d := range o.all {
				if got := d.answers(f.downRules); !slices.Contains(got, d.name+": "+want) {
					t.Errorf("got %q, want %q among it", got, want)
				}
			}
		})
	}
}

// plantedStore turns errors into what they are not.
type plantedStore struct {
	session.Store
	load, commit func(error) error
}

func (p plantedStore) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	rec, err := p.Store.Load(ctx, key, opt)
	if err != nil && p.load != nil {
		return nil, p.load(err)
	}
	return rec, err
}

func (p plantedStore) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	result, err := p.Store.Commit(ctx, key, c)
	if err != nil && p.commit != nil {
		err = p.commit(err)
	}
	return result, err
}

// outage is a fault of a server with services in front of it, one for each
// mode, that are asked all the time.
type outage struct {
	downFault
	t     *testing.T
	all   []*downTraffic
	phase atomic.Int32
	stop  func()
}

func newOutage(t *testing.T, f downFault, modes []downMode, wrap func(session.Store) session.Store) *outage {
	t.Helper()
	o := &outage{downFault: f, t: t}
	for _, mode := range modes {
		o.all = append(o.all, newDownTraffic(t, newDownService(t, mode, "redis://"+f.addr, f.how, wrap)))
	}
	var wg sync.WaitGroup
	stopped := make(chan struct{})
	o.stop = sync.OnceFunc(func() { close(stopped); wg.Wait() })
	t.Cleanup(o.stop)
	for _, d := range o.all {
		wg.Go(func() { d.run(&o.phase, stopped) })
	}
	return o
}

// run lets the fault come and go, and returns what was wrong with the answers
// before, while it lasted, and afterwards.
func (o *outage) run() (complaints []string) {
	o.t.Helper()
	o.await("all is well", o.well(downBefore))
	o.begin()
	o.await("the fault is noticed", o.noticed)
	for _, d := range o.all {
		complaints = append(complaints, o.leave(d)...)
	}
	if o.lingers {
		time.Sleep(downSettled + 200*time.Millisecond) // so that some writes are certain
	}
	o.phase.Store(int32(downEnds))
	ended := time.Now()
	o.end()
	o.await("all is well again", o.well(downEnds))
	o.phase.Store(int32(downAfter))
	o.await("all stays well", o.well(downAfter))
	o.stop()
	complaints = append(complaints, o.review(ended)...)
	for _, d := range o.all {
		complaints = append(complaints, o.afterwards(o.t, d)...)
	}
	return complaints
}

// begin returns when the fault is there.
func (o *outage) begin() {
	o.phase.Store(int32(downBegins))
	o.downFault.begin()
	o.phase.Store(int32(downDuring))
}

// await waits until no service is complained of, else it says what else was
// wrong until then.
func (o *outage) await(what string, complaint func(*downTraffic) string) {
	o.t.Helper()
	for _, d := range o.all {
		last := lastComplaint(func() string { return complaint(d) })
		if last == "" {
			continue
		}
		o.stop()
		for _, d := range o.all {
			for _, also := range d.answers(o.downRules) {
				o.t.Error(also)
			}
		}
		o.t.Fatalf("%s: not within %v: %s", what, downPatience, last)
	}
}

// well is a complaint until a service has given enough good answers of each
// kind in a phase.
func (o *outage) well(in downPhase) func(*downTraffic) string {
	write := http.StatusOK
	if o.loses && in > downDuring {
		write = http.StatusUnauthorized
	}
	return func(d *downTraffic) string {
		return d.want(in, write, aWrite) + d.want(in, http.StatusOK, aRead, aReread, aStatic, aGuest, aSignIn)
	}
}

// review judges all answers, when nothing is under way any more.
func (o *outage) review(ended time.Time) (complaints []string) {
	for _, d := range o.all {
		complaints = append(complaints, d.answers(o.downRules)...)
		if !o.loses {
			complaints = append(complaints, d.writes(o.downRules, d.writer.get("/ledger").body, ended)...)
		}
	}
	return complaints
}

// noticed is a complaint until a service has shown all that the fault does.
func (f *downFault) noticed(d *downTraffic) string {
	const unavailable = http.StatusServiceUnavailable
	text := d.want(downDuring, unavailable, aWrite, aSignIn) + d.want(downDuring, http.StatusOK, aStatic, aGuest)
	if log := d.log.String(); !strings.Contains(log, f.says) || !strings.Contains(log, f.addr) {
		text += fmt.Sprintf("%s: the log does not say %q and where: %.2000s", d.name, f.says, log)
	}
	switch {
	case f.reads:
		return text + d.want(downDuring, http.StatusOK, aRead, aReread)
	case !d.graced():
		return text + d.want(downDuring, unavailable, aRead)
	case !f.mayRead && d.store.Stats().Graced == 0:
		text += d.name + ": no read is marked as one of a copy"
	}
	return text + d.want(downDuring, http.StatusOK, aRead)
}

// leave has somebody sign out during the fault.
func (f *downFault) leave(d *downTraffic) []string {
	want := http.StatusServiceUnavailable
	if f.ends {
		want = http.StatusOK
	}
	a := d.leaver.get("/out")
	if a.err != nil || a.code != want || (a.code != http.StatusOK && (a.retryAfter == "" || len(a.cookies) > 0)) {
		return []string{fmt.Sprintf("%s: sign-out: got %d, Retry-After %q, %d cookies, %v, want %d", d.name, a.code, a.retryAfter, len(a.cookies), a.err, want)}
	}
	return nil
}

// afterwards is what is wrong with the sessions, and with what the operator was
// told.
func (f *downFault) afterwards(t *testing.T, d *downTraffic) (complaints []string) {
	complain := func(format string, args ...any) {
		complaints = append(complaints, d.name+": afterwards: "+fmt.Sprintf(format, args...))
	}
	if f.loses {
		d.browser().must(t, "/in?u=alice", "in")
		if d.mode != session.CacheOff && d.store.Stats().Lost+d.manager.Stats().Lost == 0 {
			complain("the loss is not counted")
		}
	} else {
		if who, want := d.reader.get("/who").body, "alice 0 0"; who != want || d.reader.jar["__Host-session"] != d.cookie {
			complain("the reader is %q, want %q with the same cookie", who, want)
		}
		want := "carol 0 0"
		if f.ends {
			want = "nobody"
		}
		if who := d.leaver.get("/who").body; who != want {
			complain("who signed out is %q, want %q", who, want)
		}
		complaints = append(complaints, f.newcomers(t, d)...)
	}
	log := d.log.String()
	for _, secret := range append(f.secrets, d.cookie[:16], "alice") {
		if strings.Contains(log, secret) {
			complain("the log shows a secret")
		}
	}
	if st := d.manager.Stats(); st.Absent > 0 && !f.loses {
		complain("%d loads found no session", st.Absent)
	}
	return complaints
}

// newcomers compares the sign-ins that were acknowledged with the sessions.
func (f *downFault) newcomers(t *testing.T, d *downTraffic) []string {
	acked, open := 0, 0
	for i := range d.events {
		switch e := &d.events[i]; {
		case e.kind != aSignIn:
		case e.code == http.StatusOK:
			acked++
		case f.lingers || e.sent != downDuring || e.got != downDuring:
			open++
		}
	}
	list, err := d.store.Sessions(t.Context(), "newcomer")
	if err != nil || len(list) < acked || len(list) > acked+open {
		return []string{fmt.Sprintf("%s: %d sign-ins were acknowledged and %d are open, but there are %d sessions, %v", d.name, acked, open, len(list), err)}
	}
	return nil
}
