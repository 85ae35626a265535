package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/redis/rueidis"
)

func TestRepliesAreClassified(t *testing.T) {
	for text, c := range map[string]struct {
		want Failure
		hint string
	}{
		"LOADING Redis is loading the dataset in memory":                                                   {Loading, ""},
		"CLUSTERDOWN Hash slot not served":                                                                 {ClusterDown, ""},
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":                 {MasterDown, ""},
		"READONLY You can't write against a read only replica.":                                            {ReadOnly, "master"},
		"Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't write":   {ReadOnly, "master"},
		"Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed":    {NoSpace, "maxmemory"},
		"Error running script (call to f_1): @user_script:1: user_script:1: attempt to index a nil value":  {0, ""},
		"OOM command not allowed when used memory > 'maxmemory'. script: 1, on @user_script:1.":            {NoSpace, "maxmemory"},
		"MISCONF Redis is configured to save RDB snapshots":                                                {NoSpace, "disk"},
		"NOREPLICAS Not enough good replicas to write.":                                                    {NoSpace, "min-replicas"},
		"BUSY Redis is busy running a script.":                                                             {Blocked, "SCRIPT KILL"},
		"BUSYGROUP Consumer Group name already exists":                                                     {0, ""},
		"NOAUTH Authentication required.":                                                                  {Unauthorized, "password"},
		"WRONGPASS invalid username-password pair or user is disabled.":                                    {Unauthorized, "ACL LIST"},
		"NOPERM this user has no permissions to run the 'evalsha' command":                                 {Forbidden, "+evalsha"},
		"NOPERM User joe has no permissions to run the 'script|load' command":                              {Forbidden, "+script|load"},
		"NOPERM this user has no permissions to access one of the keys used as arguments":                  {Forbidden, "~<prefix>"},
		"NOPERM ACL failure in script: User joe has no permissions to run the 'hset' command":              {Forbidden, "+hset"},
		"The user executing the script can't run this command or subcommand script: 1, on @user_script:1.": {Forbidden, "ACL SETUSER"},
		"CROSSSLOT Keys in request don't hash to the same slot":                                            {CrossSlot, ""},
		"TRYAGAIN Multiple keys request during rehashing of slot":                                          {Moving, ""},
		"MOVED 1 127.0.0.1:1":                           {Moving, ""},
		"ASK 1 127.0.0.1:1":                             {Moving, ""},
		"NOSCRIPT No matching script. Please use EVAL.": {0, ""},
		"WRONGTYPE Operation against a key holding the wrong kind of value": {0, ""},
		"EXECABORT Transaction discarded because of previous errors.":       {0, ""},
	} {
		got, hint := classifyReply(text)
		if got != c.want || !strings.Contains(hint, c.hint) {
			t.Errorf("%s is %d with the hint %q, want %d, %q", text, got, hint, c.want, c.hint)
		}
	}
}

func TestErrorsAreClassified(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Failure
	}{
		"none":              {nil, 0},
		"cancelled":         {context.Canceled, 0},
		"cancelled dial":    {&dialError{context.Canceled}, 0},
		"a deadline":        {fmt.Errorf("get: %w", context.DeadlineExceeded), Timeout},
		"a deadline of I/O": {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, Timeout},
		"the end":           {io.EOF, Disconnected},
		"half of it":        {io.ErrUnexpectedEOF, Disconnected},
		"a closed client":   {rueidis.ErrClosing, Disconnected},
		"a closed socket":   {&net.OpError{Op: "read", Err: net.ErrClosed}, Disconnected},
		"a dial":            {&dialError{&net.OpError{Op: "dial", Err: errors.New("no")}}, Unreachable},
		"a slow dial":       {&dialError{context.DeadlineExceeded}, Unreachable},
		"the nil of Redis":  {rueidis.Nil, 0},
		"nothing of ours":   {errors.New("no"), 0},
		"no tracking":       {fmt.Errorf("ERR unknown subcommand: x\n%w", rueidis.ErrNoCache), Misconfigured},
		"may not track":     {fmt.Errorf("NOPERM User joe has no permissions to run the 'client|tracking' command: x\n%w", rueidis.ErrNoCache), Forbidden},
	} {
		if got, _ := classify(c.err); got != c.want {
			t.Errorf("%s is %d, want %d", name, got, c.want)
		}
	}
	before := &Error{Failure: Loading, Node: "a", Err: io.EOF}
	if got := asFailure("b", fmt.Errorf("load: %w", before)); got != before {
		t.Errorf("a classified error is classified again: %v", got)
	}
}

// Every failure has a name, and an outcome that the table here says.
func TestOutcomesOfFailures(t *testing.T) {
	want := map[Failure]outcome{
		Unreachable: failed, Timeout: failed, Disconnected: failed, Loading: failed, ClusterDown: failed, MasterDown: failed,
		ReadOnly: failed, Blocked: failed, Unauthorized: refused, Misconfigured: refused, Forbidden: answered,
		NoSpace: answered, CrossSlot: answered, Moving: answered, Crowded: unsaid,
	}
	for f := Unreachable; int(f) < len(failureNames); f++ {
		if o, ok := want[f]; !ok || f.outcome() != o || f.String() == "" {
			t.Errorf("%d %q has outcome %d, want %d", f, f, f.outcome(), o)
		}
	}
}
