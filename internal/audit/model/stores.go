package model

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/model/aws"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/resource"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Store is a Redis or Valkey that files set up.
type Store struct {
	Kind string // ElastiCache replication group, StatefulSet
	Name string
	Node *tree.Node // that names it
	Body *tree.Node // where its settings are added; nil: nothing is edited

	TLS       value.Value[bool]
	Auth      value.Value[bool]
	Nodes     value.Value[int] // of each shard, the primary with its replicas
	Failover  value.Value[bool]
	MultiAZ   value.Value[bool]
	Policy    value.Value[string] // maxmemory-policy
	Snapshots value.Value[int]    // days that they are kept; 0: none are made
	Version   value.Value[string]
	Keeps     bool              // its data outlive an instance
	Cluster   value.Value[bool] // its data is spread over shards: clients must know

	// Named is what says that it holds sessions: the policy, its name, a
	// variable of a service; empty if nothing does.
	Named string
	Users []StoreUser

	id       string          // in the names of ElastiCache's endpoints, in lower case
	services []*kube.Service // that lead to it
}

// StoreUser is a variable of a service that names the store.
type StoreUser struct {
	Task     *aws.TaskService
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
		if svc.Sessions.Home == session.External && s.UsedBy(svc) {
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
	return slices.ContainsFunc(svc.App.Configs, func(c *spring.Settings) bool {
		host := c.Text("spring.data.redis.host", c.Text("spring.redis.host", value.Value[string]{}))
		return host.Known() && s.at(host.V, svc.Namespace)
	})
}

// buildStores reads ElastiCache from the resources that buildAWS found, and what
// Kubernetes runs.
func buildStores(m *Model, _ []*tree.File) {
	b := &storeBuild{Set: m.resources, m: m, stores: map[*resource.Resource]*Store{}}
	b.Each("elasticache_replication_group", func(r *resource.Resource) { b.store(r, "ElastiCache replication group") })
	b.Each("elasticache_cluster", func(r *resource.Resource) {
		engine := resource.Find(r.Body, "engine").Text()
		member := resource.Find(r.Body, "replication_group_id") != nil
		if (engine == "redis" || engine == "valkey") && !member {
			b.store(r, "ElastiCache cluster")
		}
	})
	b.users()
	kubeStores(m)
}

// storeBuild reads stores with the resources of all files.
type storeBuild struct {
	*resource.Set
	m      *Model
	stores map[*resource.Resource]*Store
}

func (b *storeBuild) store(r *resource.Resource, kind string) {
	s := &Store{Kind: kind, Body: r.Editable()}
	s.Node, s.Name = r.Name("replication_group_id", "cluster_id", "CacheClusterId", "ClusterName")
	flag := func(def bool, paths ...string) value.Value[bool] {
		v := value.Of(r.Spelled(paths[0]), def)
		if r.InTemplate() && def {
			v.State = value.Unknown
		}
		return value.Bool(resource.Find(r.Body, paths...), v)
	}
	s.TLS = flag(false, "transit_encryption_enabled")
	if resource.Find(r.Body, "engine").Text() == "valkey" && s.TLS.State == value.Default {
		s.TLS.State = value.Unknown // the provider's default differs by engine and version
	}
	s.Auth = b.auth(r)
	s.Failover, s.MultiAZ = b.failover(r, "automatic_failover_enabled", "AutomaticFailover"), b.failover(r, "multi_az_enabled", "MultiAZ")
	s.Snapshots = value.Int(resource.Find(r.Body, "snapshot_retention_limit"), value.Of(r.Spelled("snapshot_retention_limit"), 0))
	s.Version = value.Text(resource.Find(r.Body, "engine_version"), value.Unset[string](r.Spelled("engine_version")))
	s.Nodes, s.Cluster = b.nodes(r), b.sharded(r)
	s.Policy = b.policy(r)
	s.id = strings.ToLower(resource.Find(r.Body, "replication_group_id", "cluster_id", "ClusterName").Text())
	s.Named = cmp.Or(s.policyNames(b.m.Policy), b.named(r, s.id))
	b.stores[r] = s
	b.m.Stores = append(b.m.Stores, s)
}

// auth reports whether clients must say who they are.
func (b *storeBuild) auth(r *resource.Resource) value.Value[bool] {
	v := value.Of(r.Spelled("auth_token"), false)
	for _, name := range []string{"auth_token", "user_group_ids"} {
		n := resource.Find(r.Body, name)
		if n.Exists() && (n.Kind != tree.List || len(n.Items) > 0) {
			v.V, v.State, v.Node = true, value.Written, n
		}
	}
	if n := resource.Find(r.Body, "AuthTokenEnabled"); v.State == value.Default && n != nil {
		v = value.Bool(n, v)
	}
	if r.Plan && v.State == value.Default {
		v.State = value.Unknown // a plan leaves out what is secret
	}
	return v
}

// failover reads true, or the word of the aws command: enabled.
func (b *storeBuild) failover(r *resource.Resource, name, shown string) value.Value[bool] {
	def := value.Of(r.Spelled(name), false)
	if r.InTemplate() {
		def.State = value.Unknown
	}
	if n := resource.Find(r.Body, shown); r.Shown && n != nil {
		return value.Read(n, def, func(s string) (bool, bool) { return strings.HasPrefix(s, "enabl"), true })
	}
	return value.Bool(resource.Find(r.Body, name), def)
}

// nodes is how many nodes each shard has.
func (b *storeBuild) nodes(r *resource.Resource) value.Value[int] {
	if r.Kind == "elasticache_cluster" {
		return value.Value[int]{V: 1, State: value.Default, Name: "nodes"}
	}
	if groups := resource.Find(r.Body, "NodeGroups"); r.Shown && groups != nil {
		least := 0
		for _, g := range groups.List() {
			if n := len(resource.Find(g, "NodeGroupMembers").List()); least == 0 || n < least {
				least = n
			}
		}
		return value.Value[int]{V: least, State: writtenIf(least > 0), Node: groups, Name: "nodes"}
	}
	if n := resource.Find(r.Body, "replicas_per_node_group", "cluster_mode.replicas_per_node_group"); n.Exists() {
		v := value.Int(n, value.Unset[int](n.Key))
		v.V++
		v.Name = "nodes of each shard"
		return v
	}
	return value.Int(resource.Find(r.Body, "num_cache_clusters", "number_cache_clusters"), value.Unset[int](r.Spelled("num_cache_clusters")))
}

func writtenIf(ok bool) value.State {
	if ok {
		return value.Written
	}
	return value.Unknown
}

// sharded reports whether clients must speak to several shards.
func (b *storeBuild) sharded(r *resource.Resource) value.Value[bool] {
	if n := resource.Find(r.Body, "ClusterEnabled"); n != nil {
		return value.Bool(n, value.Of("ClusterEnabled", false))
	}
	if resource.Find(r.Body, "cluster_mode").Text() == "enabled" {
		return value.Value[bool]{V: true, State: value.Written, Node: resource.Find(r.Body, "cluster_mode"), Name: r.Spelled("cluster_mode")}
	}
	v := value.Int(resource.Find(r.Body, "num_node_groups", "cluster_mode.num_node_groups"), value.Of(r.Spelled("num_node_groups"), 1))
	return value.Value[bool]{V: v.V > 1, State: v.State, Node: v.Node, Name: v.Name}
}

// policy is what happens when the memory is full. ElastiCache's own parameter
// groups have volatile-lru (ElastiCache user guide, engine parameters).
func (b *storeBuild) policy(r *resource.Resource) value.Value[string] {
	const name, usual = "maxmemory-policy", "volatile-lru"
	n := resource.Find(r.Body, "parameter_group_name", "cache_parameter_group_name", "CacheParameterGroup.CacheParameterGroupName")
	if group := b.Lookup(r, n, "elasticache_parameter_group"); group != nil {
		return groupPolicy(group, value.Of(name, usual))
	}
	if n == nil && !r.Shown || strings.HasPrefix(n.Text(), "default.") {
		return value.Of(name, usual)
	}
	var shown []*resource.Resource
	for _, other := range b.All {
		if other.Kind == "elasticache_parameters" {
			shown = append(shown, other)
		}
		if text := n.Text(); other.Kind == "elasticache_parameter_group" && text != "" && resource.Find(other.Body, "name", "CacheParameterGroupName").Text() == text {
			return groupPolicy(other, value.Of(name, usual))
		}
	}
	if r.Shown && len(shown) == 1 {
		return value.Text(resource.Find(shown[0].Body, "ParameterValue"), value.Unset[string](name))
	}
	return value.Unset[string](name)
}

// groupPolicy is what a parameter group says, in Terraform by blocks and in
// CloudFormation by a map of properties.
func groupPolicy(group *resource.Resource, def value.Value[string]) value.Value[string] {
	for _, p := range resource.Every(group.Body, "parameter") {
		if resource.Find(p, "name").Text() == def.Name {
			return value.Text(resource.Find(p, "value"), def)
		}
		if p.Unknown {
			return value.Unset[string](def.Name)
		}
	}
	properties := resource.Find(group.Body, "properties")
	if n := properties.Get(def.Name); n != nil {
		return value.Text(n, def)
	}
	if properties != nil && properties.Unknown {
		return value.Unset[string](def.Name)
	}
	return def
}

// named says why s holds sessions: its name or description says so.
func (b *storeBuild) named(r *resource.Resource, id string) string {
	for _, text := range []string{id, r.Label, resource.Find(r.Body, "description", "replication_group_description").Text()} {
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
		slices.ContainsFunc(s.services, func(k *kube.Service) bool { return k.Name == labels[0] && (from == "" || from == k.Namespace) })
}

// users notes which services' variables name which store.
func (b *storeBuild) users() {
	byResource := map[string]*Store{}
	for r, s := range b.stores {
		for _, k := range r.Keys {
			byResource[k] = s
		}
	}
	for _, t := range b.m.AWS.TaskServices {
		if t.Main == nil {
			continue
		}
		for _, name := range sortedKeys(t.Main.Env) {
			n := t.Main.Env[name]
			for _, k := range resource.KeysWithin(n) {
				s := byResource[k]
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
