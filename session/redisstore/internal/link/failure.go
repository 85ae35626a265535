package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"

	"github.com/redis/rueidis"
)

// Failure is what went wrong between here and a server.
type Failure uint8

// The failures. Those that the comment marks with * count for the breaker of a
// node; a single one of Unauthorized or Misconfigured opens it.
const (
	Unreachable   Failure = iota + 1 // * no connection
	Timeout                          // * no answer in time
	Disconnected                     // * the connection broke
	Loading                          // * the server is loading its data
	ClusterDown                      // * the Cluster lacks a master for the key
	MasterDown                       // * a replica has lost its master
	ReadOnly                         // * the server is a replica
	Blocked                          // * the server runs somebody's endless script
	Unauthorized                     // * user or password are wrong
	Misconfigured                    // * this is no server that sessions can be kept in
	Forbidden                        // the user may not do this
	NoSpace                          // the server takes no writes: no memory, no disk, too few replicas
	CrossSlot                        // the keys belong to several nodes of a Cluster
	Moving                           // the key is on its way to another node
	Crowded                          // as many calls as there may be are waiting already
)

var failureNames = [...]string{
	Unreachable: "unreachable", Timeout: "timeout", Disconnected: "disconnected", Loading: "loading",
	ClusterDown: "cluster down", MasterDown: "master down", ReadOnly: "read only", Blocked: "blocked",
	Unauthorized: "unauthorized", Misconfigured: "misconfigured", Forbidden: "forbidden", NoSpace: "no space",
	CrossSlot: "cross-slot", Moving: "moving", Crowded: "crowded",
}

func (f Failure) String() string { return failureNames[f] }

// outcome is what the failure says about the server.
func (f Failure) outcome() outcome {
	switch f {
	case Unreachable, Timeout, Disconnected, Loading, ClusterDown, MasterDown, ReadOnly, Blocked:
		return failed
	case Unauthorized, Misconfigured:
		return refused
	case Crowded:
		return unsaid
	default:
		return answered
	}
}

// Error is the failure of a server, or of the way to it.
type Error struct {
	Failure Failure
	Node    string // its address, or those in the URL while it is not known
	Hint    string // what to do about it, "" if there is nothing to say
	Err     error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("redis at %s: %s: %v", e.Node, e.Failure, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// dialError is the error of a connection that was not made.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// asFailure tells a failure of the server at node, which it returns, from any
// other error, for which it returns nil.
func asFailure(node string, err error) *Error {
	if err == nil { // the usual case, without what is allocated below
		return nil
	}
	if already, ok := errors.AsType[*Error](err); ok {
		return already
	}
	f, hint := classify(err)
	if f == 0 {
		return nil
	}
	return &Error{Failure: f, Node: node, Hint: hint, Err: err}
}

func classify(err error) (Failure, string) {
	if err == nil {
		return 0, ""
	}
	var dial *dialError
	var reply *rueidis.RedisError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return 0, ""
	case errors.Is(err, errNoCluster):
		return Misconfigured, "use redis:// for it"
	case errors.As(err, &dial):
		return Unreachable, dialHint(err)
	case errors.As(err, &reply):
		return classifyReply(reply.Error())
	case errors.Is(err, rueidis.ErrNoCache): // carries the reply only as text
		return classifyTracking(err.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Timeout, ""
	case isDisconnect(err):
		return Disconnected, ""
	}
	return 0, ""
}

func isTimeout(err error) bool {
	f, _ := classify(err)
	return f == Timeout
}

func isDisconnect(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, rueidis.ErrClosing) || errors.As(err, &op)
}

func dialHint(err error) string {
	var handshake *handshakeError
	var plain tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &plain):
		return "it does not speak TLS: write redis instead of rediss"
	case errors.As(err, &handshake) && errors.Is(err, context.DeadlineExceeded):
		return "it took the connection but does not answer: if it does not speak TLS, write redis instead of rediss"
	case errors.As(err, &authority):
		return "nobody it trusts has signed its certificate: set Options.TLS with the right RootCAs"
	case errors.As(err, &name):
		return "its certificate is for another name: use that, or set ServerName in Options.TLS"
	}
	return ""
}

// replies are the error replies that mean something here, by their first words,
// without ERR, which rueidis removes.
var replies = []struct {
	begin   string
	failure Failure
	hint    string
}{
	{"LOADING", Loading, ""},
	{"CLUSTERDOWN", ClusterDown, ""},
	{"MASTERDOWN", MasterDown, ""},
	{"READONLY", ReadOnly, "it is a replica: give the address of the master, or use redis-sentinel:// or redis-cluster://"},
	{"BUSY ", Blocked, "SCRIPT KILL ends a script that has written nothing"},
	{"NOAUTH", Unauthorized, "it wants a password: give one in the URL or the options"},
	{"WRONGPASS", Unauthorized, "user and password do not match, or the user is off: see ACL LIST there"},
	{"AUTH <password> called without any password", Unauthorized, "it has no password: give none"},
	{"Client sent AUTH, but no password is set", Unauthorized, "it has no password: give none"},
	{"DB index is out of range", Misconfigured, "it has fewer databases than the URL asks for"},
	{"SELECT is not allowed in cluster mode", Misconfigured, "it is a node of a Cluster: use redis-cluster:// without a database"},
	{"This instance has cluster support disabled", Misconfigured, "it is not a Cluster: use redis://"},
	{"No such master with that name", Misconfigured, "the Sentinels know no master of that name: see SENTINEL MASTERS there"},
	{"unknown command 'SENTINEL'", Misconfigured, "it is no Sentinel: use redis:// for a server itself"},
	{"unknown command `SENTINEL`", Misconfigured, "it is no Sentinel: use redis:// for a server itself"},
	{"OOM", NoSpace, "it is at its maxmemory: raise that or delete something"},
	{"MISCONF", NoSpace, "it cannot write to its disk, see its log"},
	{"NOREPLICAS", NoSpace, "fewer replicas are connected than min-replicas-to-write"},
	{"CROSSSLOT", CrossSlot, ""},
	{"TRYAGAIN", Moving, ""},
	{"MOVED", Moving, ""},
	{"ASK", Moving, ""},
}

// wrapped matches the error of a script in which a command failed, as servers
// before 7.0 put it: ERR Error running script (call to f_…): @user_script:1: -READONLY …
var wrapped = regexp.MustCompile(`^Error running script .*?: -([A-Z]+ .*)`)

func classifyReply(text string) (Failure, string) {
	if m := wrapped.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	for _, r := range replies {
		if strings.HasPrefix(text, r.begin) {
			return r.failure, r.hint
		}
	}
	if strings.HasPrefix(text, "NOPERM") || strings.HasPrefix(text, "The user executing the script") {
		return Forbidden, permissionHint(text)
	}
	return 0, ""
}

// quoted is a command in the text of an ACL error.
var quoted = regexp.MustCompile(`'([a-zA-Z|_.-]+)' command`)

func permissionHint(text string) string {
	if m := quoted.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("grant it: ACL SETUSER <user> +%s", strings.ToLower(m[1]))
	}
	if strings.Contains(text, "key") {
		return "grant the user the store's keys: ACL SETUSER <user> ~<prefix>*"
	}
	return "grant the user what the store's documentation lists: ACL SETUSER <user> +<command>"
}

func classifyTracking(text string) (Failure, string) {
	if strings.HasPrefix(text, "NOPERM") {
		return Forbidden, permissionHint(text)
	}
	return Misconfigured, "it cannot tell clients what changed (CLIENT TRACKING): use a cache mode without it"
}
