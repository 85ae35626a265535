package image

import "strings"

// Name is the last part of an image's name, and its tag, empty if none is
// written.
func Name(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, '/'); i >= 0 {
		image = image[i+1:]
	}
	name, tag, _ = strings.Cut(image, ":")
	return name, tag
}

// Names is a set of names of images, which text has with space between them.
func Names(text string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		all[w] = true
	}
	return all
}

// Known are images, by the last part of their name, of stores, brokers,
// monitoring and tools: they have no users' sessions, or ways of their own to
// leave.
var Known = Names(`
	postgres postgresql postgis timescaledb mysql mysql-server mariadb percona-server mongo mongodb redis redis-stack redis-stack-server redis-sentinel
	redis-cluster valkey keydb dragonfly memcached cassandra scylla cockroach couchdb couchbase elasticsearch opensearch solr clickhouse clickhouse-server
	influxdb neo4j rabbitmq kafka cp-kafka cp-zookeeper zookeeper nats nats-streaming pulsar activemq activemq-artemis emqx etcd consul vault
	minio qdrant weaviate milvus rethinkdb openldap
	prometheus alertmanager pushgateway grafana loki promtail tempo mimir thanos jaeger zipkin kibana opensearch-dashboards fluentd fluent-bit
	logstash vector telegraf opentelemetry-collector opentelemetry-collector-contrib victoria-metrics node-exporter kube-state-metrics metrics-server
	cadvisor
	pgadmin4 phpmyadmin adminer redis-commander redisinsight mongo-express kafka-ui kafdrop akhq mailhog mailpit argocd argocli dex jenkins sonarqube nexus3 registry
	kubernetes-dashboard portainer localstack fortio locust k6 coredns external-dns cluster-autoscaler pause busybox`)

// Images by the last part of their name, after what /bin/sh is in them.
var (
	dashImages = Names(`debian ubuntu eclipse-temurin node python ruby golang php perl rust gcc buildpack-deps tomcat jetty
		httpd nginx haproxy nginx-unprivileged maven gradle varnish`)
	bashImages = Names(`fedora centos rockylinux almalinux oraclelinux amazonlinux amazoncorretto ubi8 ubi9 ubi-minimal ubi8-minimal ubi9-minimal
		opensuse openjdk ibm-semeru-runtimes`)
)

// Shell is what /bin/sh is in an image: dash in Debian's and Ubuntu's, bash in
// Red Hat's and Amazon's, BusyBox in Alpine's; empty if its name does not say.
func Shell(image string) string {
	name, tag := Name(image)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(tag, p) || strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("alpine", "busybox"):
		return "busybox"
	case has("ubi", "centos", "oracle", "al2", "amazon", "rocky") && !has("ubuntu"):
		return "bash"
	case has("slim", "bookworm", "bullseye", "trixie", "buster", "jammy", "noble", "focal", "debian"):
		return "dash"
	case name == "openjdk" && (strings.HasPrefix(tag, "8") || strings.HasPrefix(tag, "11")): // Oracle Linux since 12
		return "dash"
	case bashImages[name]:
		return "bash"
	case dashImages[name]:
		return "dash"
	}
	return ""
}
