package model

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Store is a Redis or Valkey that files set up.
type Store struct {
	Kind string // ElastiCache replication group, StatefulSet
	Name string
	Node *tree.Node // that names it
	Body *tree.Node // where its settings are added; nil: nothing is edited

	TLS       Value[bool]
	Auth      Value[bool]
	Nodes     Value[int] // of each shard, the primary with its replicas
	Failover  Value[bool]
	MultiAZ   Value[bool]
	Policy    Value[string] // maxmemory-policy
	Snapshots Value[int]    // days that they are kept; 0: none are made
	Version   Value[string]
	Keeps     bool        // its data outlive an instance
	Cluster   Value[bool] // its data is spread over shards: clients must know

	// Named is what says that it holds sessions: the policy, its name, a
	// variable of a service; empty if nothing does.
	Named string
	Users []StoreUser

	id       string         // in the names of ElastiCache's endpoints, in lower case
	services []*KubeService // that lead to it
}

// StoreUser is a variable of a service that names the store.
type StoreUser struct {
	Task     *TaskService
	Variable string
	Node     *tree.Node
}

// ForSessions says why the store is taken for a store of sessions; empty if it
// is not.
func (s *Store) ForSessions(services []*Service) string {
	if s.Named != "" {
		return s.Named
	}
	for _, svc := range services {
		if svc.Sessions.Home == External && s.UsedBy(svc) {
			return svc.String() + " keeps its sessions outside and uses it"
		}
	}
	return ""
}

// UsedBy reports whether files of svc name s.
func (s *Store) UsedBy(svc *Service) bool {
	return svc.Task != nil && slices.ContainsFunc(s.Users, func(u StoreUser) bool { return u.Task == svc.Task }) || s.configuredBy(svc)
}

// configuredBy reports whether Spring's configuration leads to s.
func (s *Store) configuredBy(svc *Service) bool {
	if svc.App == nil {
		return false
	}
	return slices.ContainsFunc(svc.App.Configs, func(c *Settings) bool {
		host := c.Text("spring.data.redis.host", c.Text("spring.redis.host", Value[string]{}))
		return host.Known() && s.at(host.V, svc.Namespace)
	})
}

// buildStores reads ElastiCache from the resources that buildAWS found, and what
// Kubernetes runs.
func buildStores(m *Model, _ []*tree.File) {
	b := &storeBuild{awsBuild: m.AWS.found, stores: map[*resource]*Store{}}
	b.each("elasticache_replication_group", func(r *resource) { b.store(r, "ElastiCache replication group") })
	b.each("elasticache_cluster", func(r *resource) {
		engine := find(r.body, "engine").Text()
		member := find(r.body, "replication_group_id") != nil
		if (engine == "redis" || engine == "valkey") && !member {
			b.store(r, "ElastiCache cluster")
		}
	})
	b.users()
	kubeStores(m)
}

// storeBuild reads stores with the resources of all files.
type storeBuild struct {
	*awsBuild
	stores map[*resource]*Store
}

func (b *storeBuild) store(r *resource, kind string) {
	s := &Store{Kind: kind, Body: r.editable()}
	s.Node, s.Name = r.name("replication_group_id", "cluster_id", "CacheClusterId", "ClusterName")
	flag := func(def bool, paths ...string) Value[bool] {
		v := Of(r.spelled(paths[0]), def)
		if r.inTemplate() && def {
			v.State = Unknown
		}
		return Bool(find(r.body, paths...), v)
	}
	s.TLS = flag(false, "transit_encryption_enabled")
	if find(r.body, "engine").Text() == "valkey" && s.TLS.State == Default {
		s.TLS.State = Unknown // the provider's default differs by engine and version
	}
	s.Auth = b.auth(r)
	s.Failover, s.MultiAZ = b.failover(r, "automatic_failover_enabled", "AutomaticFailover"), b.failover(r, "multi_az_enabled", "MultiAZ")
	s.Snapshots = Int(find(r.body, "snapshot_retention_limit"), Of(r.spelled("snapshot_retention_limit"), 0))
	s.Version = Text(find(r.body, "engine_version"), unset[string](r.spelled("engine_version")))
	s.Nodes, s.Cluster = b.nodes(r), b.sharded(r)
	s.Policy = b.policy(r)
	s.id = strings.ToLower(find(r.body, "replication_group_id", "cluster_id", "ClusterName").Text())
	s.Named = cmp.Or(s.policyNames(b.m.Policy), b.named(r, s.id))
	b.stores[r] = s
	b.m.Stores = append(b.m.Stores, s)
}

// auth reports whether clients must say who they are.
func (b *storeBuild) auth(r *resource) Value[bool] {
	v := Of(r.spelled("auth_token"), false)
	for _, name := range []string{"auth_token", "user_group_ids"} {
		n := find(r.body, name)
		if n.Exists() && (n.Kind != tree.List || len(n.Items) > 0) {
			v.V, v.State, v.Node = true, Written, n
		}
	}
	if n := find(r.body, "AuthTokenEnabled"); v.State == Default && n != nil {
		v = Bool(n, v)
	}
	if r.plan && v.State == Default {
		v.State = Unknown // a plan leaves out what is secret
	}
	return v
}

// failover reads true, or the word of the aws command: enabled.
func (b *storeBuild) failover(r *resource, name, shown string) Value[bool] {
	def := Of(r.spelled(name), false)
	if r.inTemplate() {
		def.State = Unknown
	}
	if n := find(r.body, shown); r.shown && n != nil {
		return read(n, def, func(s string) (bool, bool) { return strings.HasPrefix(s, "enabl"), true })
	}
	return Bool(find(r.body, name), def)
}

// nodes is how many nodes each shard has.
func (b *storeBuild) nodes(r *resource) Value[int] {
	if r.kind == "elasticache_cluster" {
		return Value[int]{V: 1, State: Default, Name: "nodes"}
	}
	if groups := find(r.body, "NodeGroups"); r.shown && groups != nil {
		least := 0
		for _, g := range groups.List() {
			if n := len(find(g, "NodeGroupMembers").List()); least == 0 || n < least {
				least = n
			}
		}
		return Value[int]{V: least, State: writtenIf(least > 0), Node: groups, Name: "nodes"}
	}
	if n := find(r.body, "replicas_per_node_group", "cluster_mode.replicas_per_node_group"); n.Exists() {
		v := Int(n, unset[int](n.Key))
		v.V++
		v.Name = "nodes of each shard"
		return v
	}
	return Int(find(r.body, "num_cache_clusters", "number_cache_clusters"), unset[int](r.spelled("num_cache_clusters")))
}

func writtenIf(ok bool) State {
	if ok {
		return Written
	}
	return Unknown
}

// sharded reports whether clients must speak to several shards.
func (b *storeBuild) sharded(r *resource) Value[bool] {
	if n := find(r.body, "ClusterEnabled"); n != nil {
		return Bool(n, Of("ClusterEnabled", false))
	}
	if find(r.body, "cluster_mode").Text() == "enabled" {
		return Value[bool]{V: true, State: Written, Node: find(r.body, "cluster_mode"), Name: r.spelled("cluster_mode")}
	}
	v := Int(find(r.body, "num_node_groups", "cluster_mode.num_node_groups"), Of(r.spelled("num_node_groups"), 1))
	return Value[bool]{V: v.V > 1, State: v.State, Node: v.Node, Name: v.Name}
}

// policy is what happens when the memory is full. ElastiCache's own parameter
// groups have volatile-lru (ElastiCache user guide, engine parameters).
func (b *storeBuild) policy(r *resource) Value[string] {
	const name, usual = "maxmemory-policy", "volatile-lru"
	n := find(r.body, "parameter_group_name", "cache_parameter_group_name", "CacheParameterGroup.CacheParameterGroupName")
	if group := b.lookup(r, n, "elasticache_parameter_group"); group != nil {
		return groupPolicy(group, Of(name, usual))
	}
	if n == nil && !r.shown || strings.HasPrefix(n.Text(), "default.") {
		return Of(name, usual)
	}
	var shown []*resource
	for _, other := range b.all {
		if other.kind == "elasticache_parameters" {
			shown = append(shown, other)
		}
		if text := n.Text(); other.kind == "elasticache_parameter_group" && text != "" && find(other.body, "name", "CacheParameterGroupName").Text() == text {
			return groupPolicy(other, Of(name, usual))
		}
	}
	if r.shown && len(shown) == 1 {
		return Text(find(shown[0].body, "ParameterValue"), unset[string](name))
	}
	return unset[string](name)
}

// groupPolicy is what a parameter group says, in Terraform by blocks and in
// CloudFormation by a map of properties.
func groupPolicy(group *resource, def Value[string]) Value[string] {
	for _, p := range every(group.body, "parameter") {
		if find(p, "name").Text() == def.Name {
			return Text(find(p, "value"), def)
		}
		if p.Unknown {
			return unset[string](def.Name)
		}
	}
	properties := find(group.body, "properties")
	if n := properties.Get(def.Name); n != nil {
		return Text(n, def)
	}
	if properties != nil && properties.Unknown {
		return unset[string](def.Name)
	}
	return def
}

// named says why s holds sessions: its name or description says so.
func (b *storeBuild) named(r *resource, id string) string {
	for _, text := range []string{id, r.label, find(r.body, "description", "replication_group_description").Text()} {
		if strings.Contains(strings.ToLower(text), "session") {
			return "its name or description says that it holds sessions"
		}
	}
	return ""
}

// policyNames says that the policy's URL leads to s; empty if it does not.
func (s *Store) policyNames(p *policy.Policy) string {
	for i := range p.Services {
		if u, err := url.Parse(p.Services[i].Session.Store.Reveal()); err == nil && s.at(u.Hostname(), "") {
			return "the policy names it"
		}
	}
	return ""
}

// at reports whether s is what host leads to: ElastiCache has its own ID in the
// name, Kubernetes the Service's, in the namespace from unless it is said.
func (s *Store) at(host, from string) bool {
	labels := strings.Split(strings.ToLower(host), ".")
	if len(labels) > 1 {
		from = labels[1]
	}
	return s.id != "" && len(labels) > 1 && slices.Contains(labels, s.id) ||
		slices.ContainsFunc(s.services, func(k *KubeService) bool { return k.Name == labels[0] && (from == "" || from == k.Namespace) })
}

// users notes which services' variables name which store.
func (b *storeBuild) users() {
	byResource := map[string]*Store{}
	for r, s := range b.stores {
		for _, k := range r.keys {
			byResource[k] = s
		}
	}
	for _, t := range b.m.AWS.TaskServices {
		if t.Main == nil {
			continue
		}
		for _, name := range sortedKeys(t.Main.Env) {
			n := t.Main.Env[name]
			for _, ref := range refsWithin(n) {
				s := byResource[key(ref.Scope, address(ref.Path))]
				if s == nil {
					continue
				}
				s.Users = append(s.Users, StoreUser{Task: t, Variable: name, Node: n})
				if s.Named == "" && strings.Contains(strings.ToUpper(name), "SESSION") {
					s.Named = t.Name + " calls it " + name
				}
			}
		}
	}
}

func sortedKeys(m map[string]*tree.Node) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
