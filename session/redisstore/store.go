package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/durable"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/index"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/near"
)

// Store is a session.Store in Redis. It is safe for concurrent use; any number
// of Stores, in any number of processes, may use the same servers and prefix.
type Store struct {
	link    *link.Link
	keys    keyspace
	scripts scripts
	epochs  *epochs
	index   *index.Index
	cache   *cache // nil keeps no copies
	durable *durable.Group
	// replicas have to acknowledge what must last.
	replicas int
	hook     func(Event)
	clock    func() time.Time // of tests; nil is the server's
}

var (
	_ session.Store      = (*Store)(nil)
	_ session.Inspector  = (*Store)(nil)
	_ session.Principals = (*Store)(nil)
)

// New returns a Store for the servers of a URL:
//
//	redis://user:password@host:6379/0     one server
//	rediss://…                            the same with TLS
//
// It checks its arguments and does not dial: a server that is down at the
// start is an error of the calls that need it.
func New(url string, opt Options) (*Store, error) {
	keys, err := newKeyspace(opt.Service, opt.Prefix)
	if err != nil {
		return nil, err
	}
	if opt.Hook == nil {
		opt.Hook = func(Event) {}
	}
	s := &Store{keys: keys}
	way := opt.link()
	way.OnInvalidate = func(names []string) { s.cache.invalidate(names) }
	l, err := link.New(url, way)
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	c, err := newCache(opt.Cache, keys, l.Ping)
	if err != nil {
		return nil, fmt.Errorf("redisstore: Options.Cache: %w", err)
	}
	*s = Store{
		link:    l,
		keys:    keys,
		cache:   c,
		scripts: newScripts(func(source string) string { return source }),
		epochs:  &epochs{link: l, keys: keys},
		hook:    opt.Hook,
	}
	if err := s.newDurable(opt.Durability); err != nil {
		return nil, fmt.Errorf("redisstore: Options.Durability: %w", err)
	}
	s.setClock(nil)
	return s, nil
}

// setClock sets the clock that scripts are given, nil for the servers'.
func (s *Store) setClock(clock func() time.Time) {
	s.clock = clock
	s.index = index.New(s.link, records{s}, index.Options{Prefix: string(s.keys), Hook: s.told, Now: clock})
	s.epochs.restore = s.index.Restore
}

// told passes on what the index reports.
func (s *Store) told(e Event) {
	if e.Kind == EpochLost {
		s.epochs.lost.Add(e.Count)
	}
	s.hook(e)
}

// Close closes all connections. Calls that are under way fail; whether their
// commits happened is open.
func (s *Store) Close() error {
	s.cache.close()
	s.durable.Close()
	return s.link.Close()
}

// Load implements session.Store: one round trip, for a session of a principal
// two if its epoch is not known to be needed. ErrCorrupt and errors of the way
// to the server are none of that contract's verdicts.
func (s *Store) Load(ctx context.Context, key session.Key, opt session.LoadOptions) (*session.Record, error) {
	rec, err := s.cached(ctx, key, &opt)
	if err != nil {
		return nil, fmt.Errorf("load: %w", failure(err))
	}
	return rec, nil
}

// load reads all of the session.
func (s *Store) load(ctx context.Context, way call, key session.Key, opt *session.LoadOptions) (*session.Record, error) {
	var r request
	if !r.session(s.keys, key) {
		return nil, session.ErrNotFound
	}
	r.load(s.now(), opt)
	guess := s.epochs.guess(key)
	name, args := r.parts()
	res, read, err := s.read(ctx, way, name, guess, func(ctx context.Context, c rueidis.Client, more ...rueidis.Completed) []rueidis.RedisResult {
		if len(more) == 0 {
			return []rueidis.RedisResult{s.scripts.load.Exec(ctx, c, name, args...)}
		}
		return s.scripts.load.Multi(ctx, c, name, args, more...)
	})
	if err != nil {
		return nil, err
	}
	reply, err := newReply(res)
	if err != nil {
		return nil, err
	}
	if opt.Fresh {
		reply = reply.owned()
	}
	rec, err := decodeLoad(reply)
	if err != nil {
		return nil, err
	}
	return rec, s.epochs.admit(ctx, key, rec, guess, read)
}

// read asks about a session and reads its owner's epoch, if there is one, at
// the same time: in one flight if one node has both.
func (s *Store) read(ctx context.Context, way call, key string, o owner,
	ask func(context.Context, rueidis.Client, ...rueidis.Completed) []rueidis.RedisResult,
) (r rueidis.RedisResult, read epoch, err error) {
	together := o.key == ""
	if !together {
		if together, err = s.together(ctx, key, o.key); err != nil {
			return r, read, err
		}
	}
	var wg sync.WaitGroup
	if !together {
		wg.Go(func() { read = s.epochs.ask(ctx, o.key) })
	}
	err = way(ctx, key, func(ctx context.Context, c rueidis.Client) error {
		if o.key == "" || !together {
			r = ask(ctx, c)[0]
			return wrong(r.Error())
		}
		res := ask(ctx, c, c.B().Get().Key(o.key).Build())
		r, read = res[0], parseEpoch(res[1])
		return wrong(r.Error())
	})
	wg.Wait()
	return r, read, err
}

// wrong is err unless it says that there is nothing.
func wrong(err error) error {
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// together tells whether one node has both keys.
func (s *Store) together(ctx context.Context, a, b string) (bool, error) {
	node, err := s.link.Node(ctx, a)
	if err != nil {
		return false, err
	}
	other, err := s.link.Node(ctx, b)
	return node == other, err
}

// Commit implements session.Store in one round trip, and a sign-in in two: the
// principal's index first.
func (s *Store) Commit(ctx context.Context, key session.Key, c session.Change) (session.Result, error) {
	var d done
	var err error
	if c.SignIn != nil {
		d, err = s.signIn(ctx, key, &c)
	} else {
		d, err = s.commit(ctx, key, &c)
	}
	if err != nil {
		return session.Result{}, fmt.Errorf("commit: %w", failure(err))
	}
	return d.Result, nil
}

func (s *Store) commit(ctx context.Context, key session.Key, c *session.Change) (done, error) {
	if err := c.Check(); err != nil {
		return done{}, err
	}
	var r request
	if !r.session(s.keys, key) {
		return done{}, fmt.Errorf("%w: %q is no session key", session.ErrMalformed, key)
	}
	way, conn := s.way()
	lasting := s.lasting(c)
	if lasting {
		way, conn = s.link.Call, near.Plain // the connection that a durable.Token is about
	}
	r.tracked = conn == near.Tracked
	r.change(s.now(), c)
	script := s.scripts.commit
	if c.Invalidate != "" {
		script = s.scripts.invalidate
	}
	name, args := r.parts()
	var before durable.Token
	if lasting {
		before = s.durable.Before(ctx, name)
	}
	sent := time.Now()
	reply, err := s.exec(ctx, way, script, name, args)
	if err != nil {
		if !errors.As(err, new(session.ErrUnavailable)) { // after which nothing was sent
			s.cache.forget(key)
		}
		return done{}, err
	}
	d, err := parseDone(reply.text, c)
	if err != nil || lasting {
		s.cache.forget(key)
	} else {
		s.cache.wrote(key, c, &d, sent)
	}
	if err == nil && lasting {
		d.Degraded, err = s.acknowledged(ctx, name, before)
	}
	return d, err
}

// Inspect implements session.Inspector. It does not look at the principal's
// epoch.
func (s *Store) Inspect(ctx context.Context, key session.Key) (*session.Record, error) {
	rec, err := s.inspect(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", failure(err))
	}
	rec.Verifier, rec.Superseded, rec.Presented = session.Hash{}, nil, 0
	return rec, nil
}

func (s *Store) inspect(ctx context.Context, key session.Key) (*session.Record, error) {
	reply, err := s.inspection(ctx, key)
	if err != nil {
		return nil, err
	}
	return decodeLoad(reply.owned())
}

// inspection is the reply of an inspection.
func (s *Store) inspection(ctx context.Context, key session.Key) (reply, error) {
	var r request
	if !r.session(s.keys, key) {
		return reply{}, session.ErrNotFound
	}
	r.string(s.now())
	name, args := r.parts()
	return s.exec(ctx, s.link.Call, s.scripts.inspect, name, args)
}

// exec runs a script and returns its reply.
func (s *Store) exec(ctx context.Context, way call, script *link.Script, key string, args []string) (reply, error) {
	var r reply
	err := way(ctx, key, func(ctx context.Context, c rueidis.Client) (err error) {
		r, err = newReply(script.Exec(ctx, c, key, args...))
		return err
	})
	return r, err
}

// now is the clock that scripts are given, empty for the server's.
func (s *Store) now() string {
	if s.clock == nil {
		return ""
	}
	return strconv.FormatInt(s.clock().UnixMilli(), 10)
}
