package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// control is as little as loses nothing: a hash per session, a field per
// attribute, and one script that changes it. The cookie is NAME.SECRET; the hash
// holds a digest of the secret in "_s", so that another secret is a new ID of
// the same session, and "_d" once it has ended.
var control = library{name: "control", renews: true, open: func(e environment, h *holds) (instance, error) {
	client := redis.NewClient(&redis.Options{Addr: e.redis})
	return overHTTP(h.handler(func(w http.ResponseWriter, r *http.Request) (visit, error) {
		v := &hashVisit{client: client, w: w, ctx: r.Context(), change: map[string]string{}}
		return v, v.load(r)
	}), client.Close), nil
}}

const (
	controlCookie = "control"
	controlPrefix = "control:"
)

// ARGV: "start" or "", then fields and values.
var commit = redis.NewScript(`
local there = redis.call('EXISTS', KEYS[1])
if (there == 0 and ARGV[1] ~= 'start') or redis.call('HEXISTS', KEYS[1], '_d') == 1 then return 0 end
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1])
  if ARGV[i] == '_d' then
    for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do
      if f ~= '_d' then redis.call('HDEL', KEYS[1], f) end
    end
  end
end
redis.call('EXPIRE', KEYS[1], 1800)
return 1`)

type hashVisit struct {
	client *redis.Client
	w      http.ResponseWriter
	ctx    context.Context
	key    string            // without the prefix; "" is no session
	fields map[string]string // as loaded
	change map[string]string
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (v *hashVisit) load(r *http.Request) error {
	c, err := r.Cookie(controlCookie)
	if err != nil {
		return nil // no cookie, no session
	}
	key, secret, _ := strings.Cut(c.Value, ".")
	fields, err := v.client.HGetAll(v.ctx, controlPrefix+key).Result()
	if err == nil && fields["_s"] == digest(secret) {
		v.key, v.fields = key, fields
	}
	return err
}

func (v *hashVisit) User() (string, error)            { return v.fields["user"], nil }
func (v *hashVisit) Value(key string) (string, error) { return v.fields[key], nil }

func (v *hashVisit) Set(key, value string) error {
	v.change[key] = value
	return nil
}

func (v *hashVisit) SignIn(user string) error {
	if v.key != "" {
		v.cookie()
	}
	return v.Set("user", user)
}

func (v *hashVisit) SignOut() error {
	v.change = map[string]string{"_d": "1"}
	return nil
}

// cookie gives the session a new secret.
func (v *hashVisit) cookie() {
	secret := rand.Text()
	v.change["_s"] = digest(secret)
	http.SetCookie(v.w, &http.Cookie{Name: controlCookie, Value: v.key + "." + secret, Path: "/", HttpOnly: true})
}

func (v *hashVisit) Save() error {
	start := ""
	if v.key == "" {
		start, v.key = "start", rand.Text()
		v.cookie()
	}
	args := []any{start}
	for field, value := range v.change {
		args = append(args, field, value)
	}
	// What has been sent is finished, whatever becomes of the client.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), 2*time.Second)
	defer cancel()
	done, err := commit.Run(ctx, v.client, []string{controlPrefix + v.key}, args...).Int()
	if err == nil && done == 0 {
		err = errors.New("the session has ended")
	}
	return err
}
