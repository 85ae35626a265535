package link

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// A Script is a Lua script of one key. It is safe for concurrent use.
type Script struct{ src, sha string }

// NewScript makes a Script of its source.
func NewScript(src string) *Script {
	sum := sha1.Sum([]byte(src)) // the name that the protocol gives it
	return &Script{src: src, sha: hex.EncodeToString(sum[:])}
}

// Exec runs the script: by its hash, and by its source if the server does not
// know it yet.
func (s *Script) Exec(ctx context.Context, c rueidis.Client, key string, args ...string) rueidis.RedisResult {
	res := c.Do(ctx, s.byHash(c, key, args))
	if unknownScript(res) {
		return c.Do(ctx, s.bySource(c, key, args))
	}
	return res
}

// Multi runs the script and more commands in one flight and returns the
// results in that order. If the server does not know the script yet, the
// script runs after the others; they do not run twice.
func (s *Script) Multi(ctx context.Context, c rueidis.Client, key string, args []string, more ...rueidis.Completed) []rueidis.RedisResult {
	all := append(make([]rueidis.Completed, 0, 1+len(more)), s.byHash(c, key, args))
	res := c.DoMulti(ctx, append(all, more...)...)
	if unknownScript(res[0]) {
		res[0] = c.Do(ctx, s.bySource(c, key, args))
	}
	return res
}

func (s *Script) byHash(c rueidis.Client, key string, args []string) rueidis.Completed {
	return c.B().Evalsha().Sha1(s.sha).Numkeys(1).Key(key).Arg(args...).Build()
}

func (s *Script) bySource(c rueidis.Client, key string, args []string) rueidis.Completed {
	return c.B().Eval().Script(s.src).Numkeys(1).Key(key).Arg(args...).Build()
}

func unknownScript(r rueidis.RedisResult) bool {
	e, ok := rueidis.IsRedisErr(r.Error())
	return ok && e.IsNoScript()
}
