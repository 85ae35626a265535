package link

import (
	"fmt"
	"strconv"
	"strings"
)

// info is what INFO says, as far as it matters here. Fields that a server does
// not have are zero.
type info struct {
	version   string
	mode      string // redis_mode: standalone, cluster, sentinel
	clustered bool
	role      string
	loading   bool
	policy    string // maxmemory_policy
	maxmemory string
	aof       string // aof_enabled: 0 or 1
	evicted   int64  // evicted_keys, since the server's start
	memory    int64  // used_memory
	replicas  int64  // connected_slaves
}

func parseInfo(text string) info {
	var i info
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "redis_version":
			i.version = value
		case "redis_mode":
			i.mode = value
		case "cluster_enabled":
			i.clustered = value == "1"
		case "role":
			i.role = value
		case "loading":
			i.loading = value == "1"
		case "maxmemory_policy":
			i.policy = value
		case "maxmemory":
			i.maxmemory = value
		case "aof_enabled":
			i.aof = value
		case "used_memory":
			i.memory, _ = strconv.ParseInt(value, 10, 64) // a server that does not say is 0
		case "connected_slaves":
			i.replicas, _ = strconv.ParseInt(value, 10, 64)
		case "evicted_keys":
			i.evicted, _ = strconv.ParseInt(value, 10, 64) // absent and unreadable are the same
		}
	}
	return i
}

// unfit says why sessions cannot be kept in the server, nil if they can.
func (i info) unfit(m mode) *Error {
	e := func(f Failure, hint, format string, args ...any) *Error {
		return &Error{Failure: f, Hint: hint, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case i.mode == "sentinel":
		return e(Misconfigured, "use redis-sentinel:// with the name of the master", "this is a Sentinel, not a server")
	case i.tooOld():
		return e(Misconfigured, "upgrade it", "its version is %s, at least %d.%d is needed", i.version, oldestMajor, oldestMinor)
	case i.clustered && m != cluster:
		return e(Misconfigured, "use redis-cluster:// for it", "this server is a node of a Cluster")
	case !i.clustered && i.mode != "" && m == cluster:
		return e(Misconfigured, "use redis:// for it", "%w", errNoCluster)
	case i.loading:
		return e(Loading, "", "it is loading its data")
	case i.role == "slave":
		return e(ReadOnly, "give the address of the master, or use redis-sentinel:// or redis-cluster://", "it is a replica")
	}
	return nil
}

const (
	oldestMajor = 6
	oldestMinor = 2
)

// tooOld is false for a version that cannot be read.
func (i info) tooOld() bool {
	var major, minor int
	if n, _ := fmt.Sscanf(i.version, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major < oldestMajor || major == oldestMajor && minor < oldestMinor
}

// warnings are settings that lose sessions sooner or later. An eviction policy
// matters only to a server with a limit to its memory: without one nothing is
// evicted, and a warning of what cannot happen is soon ignored.
func (i info) warnings(wantAOF bool) []string {
	var list []string
	if i.policy != "" && i.policy != "noeviction" && i.maxmemory != "0" {
		list = append(list, fmt.Sprintf("maxmemory-policy is %s: it throws sessions away when its memory is full; set noeviction", i.policy))
	}
	if wantAOF && i.aof == "0" {
		list = append(list, "appendonly is off: a crash loses what was written since the last snapshot; set it to yes")
	}
	return list
}
