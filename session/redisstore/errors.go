package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/evenkeel/evenkeel/session"
)

// ErrCorrupt is the error of a key that holds something else than a session
// record, or a record without its bookkeeping. The session is not absent, and
// nothing was written.
var ErrCorrupt = errors.New("redisstore: stored session is damaged")

// errForeign is session.ErrNotFound for a session that is there, and is not
// opened by what was presented.
var errForeign = fmt.Errorf("%w", session.ErrNotFound)

// refusal is the error that a script's words stand for. c is the change, nil
// for other operations.
func refusal(reply string, c *session.Change) error {
	word, rest, _ := strings.Cut(reply, " ")
	switch word {
	case "absent":
		return session.ErrNotFound
	case "foreign":
		return errForeign
	case "gone":
		return session.ErrGone{Reason: session.Reason(rest)}
	case "superseded":
		return blames(session.ErrSuperseded, c, rest)
	case "exists":
		return session.ErrExists
	case "conflict":
		return blames(session.ErrConflict, c, rest)
	case "type":
		return blames(session.ErrType, c, rest)
	case "limit":
		return beyondLimit(rest, c)
	case "unknown":
		return session.ErrUnknown
	case "principal":
		return session.ErrPrincipal
	case "late":
		ms, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			break
		}
		return session.ErrLate{Now: time.UnixMilli(ms).UTC()}
	case "malformed":
		return fmt.Errorf("%w: %s", session.ErrMalformed, malformations[rest])
	case "format":
		return fmt.Errorf("%w: %q, this program reads %d", session.ErrFormat, rest, session.Format)
	case "corrupt":
		return fmt.Errorf("%w: %s", ErrCorrupt, rest)
	}
	return fmt.Errorf("redisstore: script answered %.40q", reply)
}

var malformations = map[string]string{
	"renewal":  "a renewal needs a new verifier",
	"absolute": "the absolute limit has passed",
}

// blames adds the attribute of an operation to an error. number is the
// operation's, from 1 on, or empty.
func blames(err error, c *session.Change, number string) error {
	name, ok := blamed(c, number)
	if !ok {
		return err
	}
	return fmt.Errorf("%w: attribute %q", err, name)
}

func blamed(c *session.Change, number string) (name string, ok bool) {
	i, err := strconv.Atoi(number)
	if c == nil || err != nil || i < 1 || i > len(c.Ops) {
		return "", false
	}
	return c.Ops[i-1].Name, true
}

// beyondLimit reads "kind operation found allowed".
func beyondLimit(rest string, c *session.Change) error {
	words := strings.Split(rest, " ")
	if len(words) != 4 {
		return fmt.Errorf("%w: %s", session.ErrLimit, rest)
	}
	name, _ := blamed(c, words[1])
	what := map[string]string{
		"a": fmt.Sprintf("attribute %q would have %s bytes", name, words[2]),
		"s": fmt.Sprintf("the session would have %s bytes", words[2]),
		"n": fmt.Sprintf("the session would have %s attributes", words[2]),
	}[words[0]]
	return fmt.Errorf("%w: %s, at most %s are allowed", session.ErrLimit, what, words[3])
}

// failure is an error of a call that got no verdict.
func failure(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok && strings.HasPrefix(e.Error(), "WRONGTYPE") {
		return fmt.Errorf("%w: the key holds another type: %w", ErrCorrupt, err)
	}
	return err
}
