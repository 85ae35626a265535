// Package store has the rules of Redis and Valkey that hold sessions. Rules do no
// I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package store

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/ecs"
)

// Rules are the rules of stores of sessions. They are silent about a Redis of
// which nothing says that it holds sessions: a cache may evict.
var Rules = slices.Concat(storesAccess, storesLoss, storesUse)

// sessionStores are the stores that hold sessions, and why they are taken for
// that.
func sessionStores(p *rule.Pass) iter.Seq2[*model.Store, string] {
	return func(yield func(*model.Store, string) bool) {
		for _, s := range p.Stores {
			if why := s.ForSessions(p.Services); why != "" && !yield(s, why) {
				return
			}
		}
	}
}

// about is the subject of a finding about a store.
func about(f rule.Finding, s *model.Store, why string) rule.Finding {
	f.Subject = s.Kind + " " + s.Name
	f.Message += fmt.Sprintf(" (%s)", why)
	return f
}

// storesAccess are the rules of who can read sessions.
var storesAccess = []*rule.Rule{
	{
		ID: "EK-STO-001", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "sessions cross the network without TLS",
		Why:     "Whoever can listen in the network reads session contents, and with some stores the session IDs, with which one is signed in.",
		Fix:     "Enable encryption in transit (transit_encryption_mode = \"preferred\" first, if clients have to follow) and use rediss:// in clients.",
		Sources: []string{"Amazon ElastiCache API: TransitEncryptionEnabled (default false)"},
		Check:   checkStoreTLS,
	},
	{
		ID: "EK-STO-002", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "the store of the sessions asks nobody who they are",
		Why:     "Every program in the network can read, change and delete sessions.",
		Fix:     "Set an auth token, or user groups, which need encryption in transit.",
		Sources: []string{"Amazon ElastiCache user guide: authentication with AUTH and RBAC"},
		Check:   checkStoreAuth,
	},
}

func checkStoreTLS(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.TLS.Known() && !s.TLS.V {
			p.Report(about(rule.Finding{Node: s.TLS.At(s.Node), Message: "sessions cross the network in clear text"}, s, why))
		}
	}
}

func checkStoreAuth(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.Auth.Known() && !s.Auth.V {
			p.Report(about(rule.Finding{Node: s.Auth.At(s.Node), Message: "anybody in the network can read and change sessions"}, s, why))
		}
	}
}

// storesLoss are the rules of how sessions get lost in the store.
var storesLoss = []*rule.Rule{
	{
		ID: "EK-STO-003", Severity: rule.Error, Autofix: rule.Guided, Surface: "ElastiCache, Redis in Kubernetes",
		Title: "the store of the sessions is a single node",
		Why: "When the node is replaced, by a failure or for maintenance, it comes back empty: everybody is signed out, and until then nobody can sign in. " +
			"With a volume the sessions come back, but only after a pause for everybody.",
		Fix:     "Run at least two nodes with automatic failover, in two zones.",
		Sources: []string{"Amazon ElastiCache user guide: mitigating failures", "Redis: persistence"},
		Check:   checkStoreNodes,
	},
	{
		ID: "EK-STO-004", Severity: rule.Error, Autofix: rule.Safe, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "replicas do not take over by themselves",
		Why:     "When the primary fails no replica becomes one. Sign-ins and writes fail until somebody acts.",
		Fix:     "Enable automatic failover.",
		Sources: []string{"Amazon ElastiCache API: AutomaticFailoverEnabled (default false)"},
		Check:   checkStoreFailover,
	},
	{
		ID: "EK-STO-005", Severity: rule.Warn, Autofix: rule.Safe, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "all nodes of the store may be in one zone",
		Why:     "When the zone fails, primary and replicas go together, and the sessions with them.",
		Fix:     "Enable Multi-AZ.",
		Sources: []string{"Amazon ElastiCache API: MultiAZEnabled (default false)"},
		Check:   checkStoreZones,
	},
	{
		ID: "EK-STO-006", Severity: rule.Error, Autofix: rule.Safe, Surface: "ElastiCache, Redis in Kubernetes",
		Title: "the store evicts sessions when its memory is full",
		Why: "With any policy but noeviction the store deletes live sessions to make room, without an error that anybody sees: users are signed out at random. " +
			"ElastiCache's own parameter groups have volatile-lru, which evicts exactly the keys that expire, as sessions do.",
		Fix:     "Set maxmemory-policy to noeviction in a parameter group of its own, and an alarm on the memory in use.",
		Sources: []string{"Amazon ElastiCache user guide: Redis OSS specific parameters, maxmemory-policy (default volatile-lru)", "Redis: key eviction (default noeviction)"},
		Check:   checkStoreEviction,
	},
	{
		ID: "EK-STO-007", Severity: rule.Info, Autofix: rule.Safe, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "no snapshots of sessions that live for days",
		Why:     "If all nodes are lost there is nothing to restore: everybody has to sign in anew.",
		Fix:     "Keep snapshots for at least one day.",
		Sources: []string{"Amazon ElastiCache API: SnapshotRetentionLimit (default 0, no snapshots)"},
		Check:   checkStoreSnapshots,
	},
}

func checkStoreNodes(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.Nodes.Known() && s.Nodes.V == 1 {
			f := rule.Finding{Node: s.Nodes.At(s.Node), Message: "all sessions are gone when its only instance is replaced"}
			if s.Keeps {
				f.Severity, f.Message = rule.Warn, "nobody can sign in while its only instance is replaced"
			}
			p.Report(about(f, s, why))
		}
	}
}

func checkStoreFailover(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.Nodes.Known() && s.Nodes.V > 1 && s.Failover.Known() && !s.Failover.V {
			p.Report(about(rule.Finding{Node: s.Failover.At(s.Node), Message: "no replica takes over when the primary fails",
				Arithmetic: fmt.Sprintf("%s, %s", s.Nodes, s.Failover), Fix: ecs.Both(ecs.Set(s.Failover, s.Body, "true"), ecs.Set(s.MultiAZ, s.Body, "true"), s.MultiAZ.Known() && !s.MultiAZ.V)}, s, why))
		}
	}
}

func checkStoreZones(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.Nodes.Known() && s.Nodes.V > 1 && s.Failover.V && s.MultiAZ.Known() && !s.MultiAZ.V {
			p.Report(about(rule.Finding{Node: s.MultiAZ.At(s.Node), Message: "primary and replicas may be in the same zone",
				Fix: ecs.Set(s.MultiAZ, s.Body, "true")}, s, why))
		}
	}
}

func checkStoreEviction(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if s.Policy.Known() && s.Policy.V != "noeviction" {
			f := rule.Finding{Node: s.Policy.At(s.Node), Arithmetic: s.Policy.String(),
				Message: "live sessions are deleted when its memory is full"}
			if s.Policy.Written() {
				f.Fix = ecs.Set(s.Policy, s.Body, "noeviction")
			}
			p.Report(about(f, s, why))
		}
	}
}

func checkStoreSnapshots(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		timeout, service := longestSession(p, s)
		if !s.Snapshots.Known() || s.Snapshots.V > 0 || timeout == nil {
			continue
		}
		p.Report(about(rule.Finding{Node: s.Snapshots.At(s.Node), Service: service, Message: "nothing is left to restore if all nodes are lost",
			Arithmetic: fmt.Sprintf("%s >= 1 day", timeout), Fix: ecs.Set(s.Snapshots, s.Body, "1")}, s, why))
	}
}

// longestSession is the idle timeout of a user of s whose sessions live for a
// day or longer; nil if there is none.
func longestSession(p *rule.Pass, s *model.Store) (fmt.Stringer, *model.Service) {
	const day = 86400e9
	for _, svc := range p.Services {
		if s.UsedBy(svc) && svc.Sessions.Timeout.Known() && svc.Sessions.Timeout.V >= day {
			return svc.Sessions.Timeout, svc
		}
	}
	return nil, nil
}

// storesUse are the rules of programs and their store.
var storesUse = []*rule.Rule{
	{
		ID: "EK-STO-008", Severity: rule.Warn, Autofix: rule.Guided, Surface: "ElastiCache, Redis in Kubernetes",
		Title:   "the store's engine is older than Redis 6.2",
		Why:     "Session stores rely on what 6.2 brought. With an older engine they do not start, or fall back to several commands where one was atomic, and two requests overwrite one another.",
		Fix:     "Upgrade to Redis OSS 6.2 or newer, or to Valkey.",
		Sources: []string{"evenkeel session/redisstore: Redis 6.2 or newer", "Redis 6.2 release notes"},
		Check:   checkStoreVersion,
	},
	{
		ID: "EK-STO-009", Severity: rule.Error, Autofix: rule.Guided, Surface: "ElastiCache and program",
		Title:   "a client for one node speaks to a cluster of shards",
		Why:     "The store answers MOVED for every session that lives on another shard. The client does not follow: sign-ins fail for all users but those of one shard.",
		Fix:     "Configure the client for a cluster: SPRING_DATA_REDIS_CLUSTER_NODES instead of …_HOST.",
		Sources: []string{"Redis: cluster specification, MOVED", "Spring Boot reference: spring.data.redis.host, spring.data.redis.cluster.nodes"},
		Check:   checkStoreClient,
	},
}

func checkStoreVersion(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		major, minor, ok := version(s.Version.V)
		if !s.Version.Known() || !ok || major > 6 || major == 6 && minor >= 2 {
			continue
		}
		p.Report(about(rule.Finding{Node: s.Version.Node, Message: "the engine is older than Redis 6.2", Arithmetic: s.Version.String()}, s, why))
	}
}

// version reads 6.2, 5.0.6, 7.x. ElastiCache's 6.x is the newest 6, which is 6.2.
func version(text string) (major, minor int, ok bool) {
	parts := strings.Split(text, ".")
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}
	if len(parts) < 2 {
		return major, 9, true
	}
	if minor, err = strconv.Atoi(parts[1]); err != nil {
		minor = 9
	}
	return major, minor, true
}

// oneNode are variables of clients for a single node: Spring Boot's.
var oneNode = []string{"SPRING_DATA_REDIS_HOST", "SPRING_REDIS_HOST"}

func checkStoreClient(p *rule.Pass) {
	for s, why := range sessionStores(p) {
		if !s.Cluster.Known() || !s.Cluster.V {
			continue
		}
		for _, u := range s.Users {
			clustered := slices.ContainsFunc([]string{"SPRING_DATA_REDIS_CLUSTER_NODES", "SPRING_REDIS_CLUSTER_NODES"}, func(name string) bool { return u.Task.Main.Env[name] != nil })
			if slices.Contains(oneNode, u.Variable) && !clustered {
				p.Report(about(rule.Finding{Node: u.Node, Service: serviceOf(p, u.Task), Message: u.Variable + " is for a single node, but the store has shards",
					Arithmetic: s.Cluster.Name + " of " + s.Name}, s, why))
			}
		}
	}
}

func serviceOf(p *rule.Pass, t *aws.TaskService) *model.Service {
	for s, other := range ecs.Tasks(p) {
		if other == t {
			return s
		}
	}
	return nil
}
