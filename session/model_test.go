package session_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/session"
)

// The naive model of one session: it keeps everything that ever happened and
// answers from that. Its clock never steps back.
type model struct {
	started    bool
	gone       session.Reason
	goneAt     time.Time
	created    time.Time
	accessed   time.Time // zero until the cookie came back
	absolute   time.Time
	principal  string
	attributes map[string]any // string, int64 or []string
	gens       []*modelGen    // [0] is generation 1
	writes     []modelWrite
}

type modelGen struct {
	hash      session.Hash
	forgotten bool
	endedAt   time.Time // of the newest, zero
	strict    bool
	shut      bool      // a sign-in closed it to loads
	lapse     time.Time // when it closes to loads; zero is not yet known
	signIn    bool
	fenced    []string
	fencedAll bool
}

type modelWrite struct {
	id            string
	before, after int64 // versions
	values        []int64
}

const modelIdle = 30 * time.Minute

func (m *model) absent(now time.Time) bool {
	switch {
	case !m.started:
		return true
	case m.gone != "":
		return now.Sub(m.goneAt) >= modelIdle
	case !m.absolute.IsZero() && !now.Before(m.absolute):
		return true
	case m.accessed.IsZero():
		return now.Sub(m.created) >= 2*time.Minute
	}
	return now.Sub(m.accessed) >= 33*time.Minute
}

func (m *model) newest() int { return len(m.gens) }

func (m *model) opens(g int, now time.Time) bool {
	x := m.gens[g-1]
	return g == m.newest() || !x.shut && (x.lapse.IsZero() || now.Before(x.lapse))
}

func (m *model) commits(g int, now time.Time) bool {
	x := m.gens[g-1]
	return g == m.newest() || !x.strict && now.Sub(x.endedAt) < 10*time.Second
}

// load returns the index of the verifier that opens the session.
func (m *model) load(hashes []session.Hash, passive bool, now time.Time) (int, error) {
	if m.absent(now) {
		return 0, session.ErrNotFound
	}
	known, best, presented := false, 0, 0
	for i, h := range hashes {
		for g := 1; g <= m.newest(); g++ {
			if m.gens[g-1].hash != h || m.gens[g-1].forgotten {
				continue
			}
			known = true
			if g > best && m.opens(g, now) {
				best, presented = g, i
			}
		}
	}
	switch {
	case !known:
		return 0, session.ErrNotFound
	case m.gone != "":
		return 0, session.ErrGone{Reason: m.gone}
	case best == 0:
		return 0, session.ErrSuperseded
	}
	if best == m.newest() {
		for _, x := range m.gens[:best-1] {
			if !x.shut && x.lapse.IsZero() {
				x.lapse = now.Add(10 * time.Second)
			}
		}
		if m.accessed.IsZero() {
			m.accessed = now
		}
	}
	if !passive && !m.accessed.IsZero() && now.Sub(m.accessed) >= 3*time.Minute {
		m.accessed = now
	}
	return presented, nil
}

type outcome struct {
	values            []int64
	repeated, renewed bool
	err               error
}

func (m *model) commit(c session.Change, now time.Time) outcome {
	if m.absent(now) {
		*m = model{}
	}
	newestIs := func(h session.Hash) bool { return m.gens[m.newest()-1].hash == h }
	if m.started {
		remembered := m.writes[max(0, len(m.writes)-16):]
		for _, w := range remembered {
			if w.id == c.WriteID {
				renewed := c.Renew != nil && m.gone == "" && newestIs(c.Renew.Verifier)
				return outcome{values: w.values, repeated: true, renewed: renewed}
			}
		}
		if c.Renew != nil && m.gone == "" {
			for _, x := range m.gens {
				if x.hash == c.Renew.Verifier && !x.forgotten {
					if slices.ContainsFunc(c.Ops, func(op session.Op) bool { return op.Kind >= session.OpAdd }) {
						return outcome{err: session.ErrUnknown}
					}
					return outcome{values: make([]int64, len(c.Ops)), repeated: true, renewed: newestIs(x.hash)}
				}
			}
		}
	}
	if !now.Before(c.NotAfter) {
		return outcome{err: session.ErrLate{Now: now}}
	}
	if !m.started && c.Start == nil {
		return outcome{err: session.ErrNotFound}
	}
	if m.started {
		if err := m.refuses(c, now); err != nil {
			return outcome{err: err}
		}
	}
	attributes := map[string]any{}
	if !c.Clear {
		maps.Copy(attributes, m.attributes)
	}
	values, err := modelOps(attributes, c.Ops)
	if err != nil {
		return outcome{err: err}
	}
	if c.SignIn != nil && !now.Before(c.SignIn.Absolute) {
		return outcome{err: session.ErrMalformed}
	}
	return outcome{values: values, renewed: m.write(c, attributes, values, now)}
}

func (m *model) refuses(c session.Change, now time.Time) error {
	forgotten := m.writes[:max(0, len(m.writes)-16)]
	if c.Retry && slices.ContainsFunc(forgotten, func(w modelWrite) bool { return w.after > c.Base.N }) {
		return session.ErrUnknown
	}
	if c.Start != nil {
		return session.ErrExists
	}
	if m.gone != "" {
		return session.ErrGone{Reason: m.gone}
	}
	if int(c.Generation) > m.newest() {
		return session.ErrSuperseded // loaded from an earlier session of the key
	}
	for g := int(c.Generation); g < m.newest(); g++ {
		x := m.gens[g-1]
		if x.forgotten || !m.commits(g, now) || c.SignIn != nil {
			return session.ErrSuperseded
		}
		if !x.signIn {
			continue
		}
		if c.Clear || c.Invalidate != "" {
			return session.ErrSuperseded
		}
		for _, op := range c.Ops {
			if op.Privileged || x.fencedAll || slices.Contains(x.fenced, op.Name) {
				return session.ErrSuperseded
			}
		}
	}
	if c.SignIn != nil && m.principal != "" && m.principal != c.SignIn.Principal {
		return session.ErrPrincipal
	}
	return nil
}

func (m *model) write(c session.Change, attributes map[string]any, values []int64, now time.Time) (renewed bool) {
	if c.Start != nil {
		*m = model{started: true, created: now, gens: []*modelGen{{hash: c.Start.Verifier}}, absolute: c.Start.Absolute}
	} else if !c.Passive && !m.accessed.IsZero() {
		m.accessed = now
	}
	before := int64(0)
	if n := len(m.writes); n > 0 {
		before = m.writes[n-1].after
	}
	m.writes = append(m.writes, modelWrite{id: c.WriteID, before: before, after: max(before+1, now.UnixMilli()), values: values})
	m.attributes = attributes
	if c.SignIn != nil {
		m.principal, m.absolute = c.SignIn.Principal, c.SignIn.Absolute
	}
	if c.Renew != nil && int(c.Generation) == m.newest() {
		renewed = true
		m.renew(c, now)
	}
	if c.Invalidate != "" {
		m.gone, m.goneAt, m.attributes, m.principal = c.Invalidate, now, nil, ""
	}
	return renewed
}

func (m *model) renew(c session.Change, now time.Time) {
	x := m.gens[m.newest()-1]
	x.endedAt, x.strict = now, c.Renew.Strict
	if c.SignIn != nil {
		x.signIn, x.fencedAll = true, c.Clear
		for _, op := range c.Ops {
			x.fenced = append(x.fenced, op.Name)
		}
		for _, y := range m.gens {
			y.shut = true
		}
	}
	m.gens = append(m.gens, &modelGen{hash: c.Renew.Verifier})
	if n := m.newest(); n > 5 {
		m.gens[n-6].forgotten = true
	}
}

func modelOps(attributes map[string]any, ops []session.Op) ([]int64, error) {
	before := modelText(attributes)
	for _, op := range ops {
		if x := op.Expect; x != nil {
			value, present := before[op.Name]
			if present != x.Present || present && value != string(x.Value) {
				return nil, session.ErrConflict
			}
		}
	}
	values := make([]int64, len(ops))
	for i, op := range ops {
		old, present := attributes[op.Name]
		switch op.Kind {
		case session.OpSet:
			attributes[op.Name] = string(op.Value)
		case session.OpRemove:
			delete(attributes, op.Name)
		case session.OpAdd:
			n, ok := old.(int64)
			if present && !ok {
				return nil, session.ErrType
			}
			attributes[op.Name], values[i] = n+op.N, n+op.N
		default:
			list, ok := old.([]string)
			if present && !ok {
				return nil, session.ErrType
			}
			list, value, ok := modelMerge(slices.Clone(list), op)
			if !ok {
				return nil, session.ErrType
			}
			if values[i] = value; present || len(list) > 0 {
				attributes[op.Name] = list
			}
		}
	}
	return values, nil
}

func modelMerge(list []string, op session.Op) (_ []string, value int64, ok bool) {
	twice := map[string]bool{}
	for _, e := range list {
		if op.Kind != session.OpAppend && twice[e] {
			return nil, 0, false
		}
		twice[e] = true
	}
	for _, element := range op.Elements {
		e := string(element)
		at := slices.Index(list, e)
		switch {
		case op.Kind == session.OpAppend:
			list = append(list, e)
		case op.Kind == session.OpUnion && at < 0:
			list, value = append(list, e), value+1
		case op.Kind == session.OpDiff && at >= 0:
			list, value = slices.Delete(list, at, at+1), value+1
		}
	}
	if op.Kind == session.OpAppend {
		if op.Max > 0 && len(list) > op.Max {
			list = list[len(list)-op.Max:]
		}
		value = int64(len(list))
	}
	return list, value, true
}

// modelText is how a record holds the attributes.
func modelText(attributes map[string]any) map[string]string {
	text := map[string]string{}
	for name, value := range attributes {
		switch v := value.(type) {
		case string:
			text[name] = v
		case int64:
			text[name] = strconv.FormatInt(v, 10)
		case []string:
			var elements [][]byte
			for _, e := range v {
				elements = append(elements, []byte(e))
			}
			text[name] = string(session.EncodeElements(elements))
		}
	}
	return text
}

// run drives Apply and Open and the model with the same random requests.
type modelRun struct {
	*rand.Rand
	t      *testing.T
	now    time.Time
	rec    *session.Record // as a store would keep it
	model  model
	hashes []session.Hash    // ever made
	loaded []*session.Record // requests in flight
	sent   []session.Change
	ids    int
	seen   map[string]int // outcomes
}

// TestAgainstModel drives random interleavings of requests, retries,
// renewals, sign-ins and logouts of one browser.
func TestAgainstModel(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(200) {
		r := &modelRun{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, now: time.UnixMilli(1_800_000_000_000).UTC(), seen: seen}
		r.hash()
		for range 200 {
			r.step()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	for _, outcome := range []string{
		"loaded", "loaded by a superseded verifier", "applied", "repeated", "renewed",
		"load: " + session.ErrNotFound.Error(), "load: " + session.ErrSuperseded.Error(), "load: session is gone: logout",
		session.ErrNotFound.Error(), session.ErrSuperseded.Error(), session.ErrExists.Error(), session.ErrConflict.Error(),
		session.ErrType.Error(), session.ErrUnknown.Error(), session.ErrPrincipal.Error(), "session is gone: logout",
		session.ErrLate{}.Error(),
	} {
		if seen[outcome] < 10 {
			t.Errorf("outcome %q: seen %d times, the test hardly reaches it", outcome, seen[outcome])
		}
	}
}

func pick[T any](r *modelRun, from ...T) T { return from[r.IntN(len(from))] }

func (r *modelRun) step() {
	switch n := r.IntN(100); {
	case n < 15:
		r.now = r.now.Add(pick(r, time.Millisecond, time.Second, 3*time.Second, 9999*time.Millisecond, 10*time.Second, 3*time.Minute))
	case n < 16:
		r.now = r.now.Add(pick(r, 2*time.Minute, 20*time.Minute, 33*time.Minute))
	case n < 50 || r.rec == nil && n < 70:
		r.load()
	case n < 85:
		r.commit(r.change())
	case len(r.sent) > 0:
		c := r.sent[len(r.sent)-1-r.IntN(min(len(r.sent), 40))]
		c.Retry, c.NotAfter = r.IntN(4) > 0, r.now.Add(time.Minute)
		if r.IntN(3) == 0 && c.Renew != nil {
			c.WriteID = r.id()
		}
		r.commit(c)
	}
}

func (r *modelRun) id() string {
	r.ids++
	return fmt.Sprint("write", r.ids)
}

func (r *modelRun) hash() session.Hash {
	h := session.Hash{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 1}
	r.hashes = append(r.hashes, h)
	return h
}

func (r *modelRun) load() {
	recent := func() session.Hash { return r.hashes[len(r.hashes)-1-min(r.IntN(7)/2, len(r.hashes)-1)] }
	hashes := []session.Hash{recent(), recent()}[:1+r.IntN(2)]
	passive := r.IntN(3) == 0
	kept := r.rec.Clone()
	view, updated, err := session.Open(r.rec, session.LoadOptions{Verifiers: hashes, Passive: passive}, r.now)
	if !reflect.DeepEqual(r.rec, kept) {
		r.t.Fatal("Open changed the record")
	}
	presented, want := r.model.load(hashes, passive, r.now)
	if !sameError(err, want) {
		r.t.Fatalf("load of %v at %v: got error %v, want %v\nrecord %+v", hashes, r.now, err, want, r.rec)
	}
	if err != nil {
		r.seen["load: "+want.Error()]++
		return
	}
	if updated != nil {
		r.rec = updated
	}
	r.seen["loaded"]++
	if !view.Current {
		r.seen["loaded by a superseded verifier"]++
	}
	if view.Presented != presented || !view.Now.Equal(r.now) {
		r.t.Fatalf("load: presented %d at %v, want %d at %v", view.Presented, view.Now, presented, r.now)
	}
	r.compare(view)
	r.compare(r.rec)
	if r.loaded = append(r.loaded, view); len(r.loaded) > 6 {
		r.loaded = r.loaded[1:]
	}
}

// change is what some request might want.
func (r *modelRun) change() session.Change {
	c := session.Change{WriteID: r.id(), NotAfter: r.now.Add(time.Minute), Passive: r.IntN(4) == 0}
	if r.IntN(30) == 0 {
		c.NotAfter = r.now
	}
	if len(r.loaded) == 0 || r.IntN(25) == 0 {
		c.Start = &session.Start{Verifier: r.hash(), Idle: modelIdle}
	} else {
		rec := r.loaded[len(r.loaded)-1-min(r.IntN(9)/3, len(r.loaded)-1)]
		c.Base, c.Generation = rec.Version, rec.Generation
	}
	if c.Start == nil && r.IntN(40) == 0 {
		c.Invalidate = session.ReasonSignOut
		return c
	}
	for range r.IntN(4) {
		c.Ops = append(c.Ops, r.op())
	}
	c.Clear = r.IntN(15) == 0
	if c.Start == nil && r.IntN(4) == 0 {
		c.Renew = &session.Renew{Verifier: r.hash(), Strict: r.IntN(8) == 0}
	}
	if (c.Renew != nil || c.Start != nil) && r.IntN(3) == 0 {
		c.SignIn = &session.SignIn{Principal: pick(r, "alice", "alice", "alice", "bob"), Absolute: r.now.Add(time.Hour)}
	}
	return c
}

func (r *modelRun) op() session.Op {
	op := session.Op{
		Kind:       pick(r, session.OpSet, session.OpSet, session.OpRemove, session.OpAdd, session.OpAppend, session.OpUnion, session.OpDiff),
		Name:       pick(r, "a", "b", "n", "m", "l", "s"),
		Value:      []byte(fmt.Sprint("t", r.IntN(3))),
		N:          int64(r.IntN(7) - 3),
		Max:        r.IntN(4),
		Privileged: r.IntN(10) == 0,
	}
	if r.IntN(3) > 0 { // mostly of the attribute's kind
		op.Name = map[session.OpKind]string{session.OpSet: "a", session.OpAdd: "n", session.OpAppend: "l", session.OpUnion: "s", session.OpDiff: "s"}[op.Kind]
	}
	if op.Name == "" {
		op.Name = "b"
	}
	for range r.IntN(3) {
		op.Elements = append(op.Elements, []byte(pick(r, "", "x", "y", "z")))
	}
	if r.IntN(12) == 0 {
		op.Expect = &session.Expect{Present: r.IntN(2) == 0, Value: []byte("t1")}
	}
	return op
}

func (r *modelRun) commit(c session.Change) {
	r.sent = append(r.sent, c)
	kept := r.rec.Clone()
	next, result, err := session.Apply(r.rec, c, r.now)
	if !reflect.DeepEqual(r.rec, kept) {
		r.t.Fatal("Apply changed the record")
	}
	want := r.model.commit(c, r.now)
	if !sameError(err, want.err) {
		r.t.Fatalf("commit of %+v at %v: got error %v, want %v\nrecord %+v", c, r.now, err, want.err, r.rec)
	}
	if err != nil || result.Repeated {
		if next != r.rec {
			r.t.Fatal("Apply made a record where it did nothing")
		}
	}
	if err != nil {
		r.seen[want.err.Error()]++
		return
	}
	if result.Repeated != want.repeated || result.Renewed != want.renewed || fmt.Sprint(result.Values) != fmt.Sprint(want.values) {
		r.t.Fatalf("commit of %+v at %v: got %+v, want %+v", c, r.now, result, want)
	}
	for outcome, is := range map[string]bool{"applied": !result.Repeated, "repeated": result.Repeated, "renewed": result.Renewed} {
		if is {
			r.seen[outcome]++
		}
	}
	for _, w := range r.model.writes[max(0, len(r.model.writes)-16):] {
		if w.id != c.WriteID {
			continue // nor is it any, if the write is known by its renewal only
		}
		if result.Version != (session.Version{N: w.after, Write: w.id}) {
			r.t.Fatalf("commit: version %v, want %d", result.Version, w.after)
		}
		break
	}
	r.rec = next
	r.compare(r.rec)
}

// compare compares a record with the model.
func (r *modelRun) compare(rec *session.Record) {
	r.t.Helper()
	m := &r.model
	got, size := map[string]string{}, 0
	for name, value := range rec.Attributes {
		got[name] = string(value)
		size += len(name) + len(value)
	}
	want := modelText(m.attributes)
	if !maps.Equal(got, want) || rec.Size != size {
		r.t.Fatalf("attributes: got %q of %d bytes, want %q", got, rec.Size, want)
	}
	newest := m.gens[m.newest()-1]
	if rec.Generation != int64(m.newest()) || rec.Verifier != newest.hash || rec.Principal != m.principal || rec.Gone != m.gone {
		r.t.Fatalf("got generation %d of %q, gone %q; want %d of %q, gone %q",
			rec.Generation, rec.Principal, rec.Gone, m.newest(), m.principal, m.gone)
	}
	last := m.writes[len(m.writes)-1]
	if rec.Version != (session.Version{N: last.after, Write: last.id}) {
		r.t.Fatalf("version: got %v, want %+v", rec.Version, last)
	}
	if !rec.Accessed.Equal(m.accessed) || !rec.Created.Equal(m.created) || !rec.Absolute.Equal(m.absolute) {
		r.t.Fatalf("times: got %v %v %v, want %v %v %v", rec.Accessed, rec.Created, rec.Absolute, m.accessed, m.created, m.absolute)
	}
	if len(rec.Writes) > session.MaxWrites || len(rec.Superseded) > session.MaxSuperseded {
		r.t.Fatalf("got %d writes and %d superseded generations", len(rec.Writes), len(rec.Superseded))
	}
}

func sameError(got, want error) bool {
	return got == nil && want == nil || want != nil && errors.Is(got, want)
}
