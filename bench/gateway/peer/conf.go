package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fill puts what differs from run to run into a configuration.
func (p *Proxy) fill(text, targets string) string {
	return strings.NewReplacer("ADDRESS", p.Addr, "ADMIN", p.Admin, "TARGETS", targets, "HOME", p.home).Replace(text)
}

// lines has one for each target: its name and address stand for %[1]s and
// %[2]s, and %[3]s is off for the one that is left out.
func (p *Proxy) lines(format, between, without, off string) string {
	var out []string
	for _, t := range p.targets {
		mark := ""
		if t.Name == without {
			mark = off
		}
		out = append(out, fmt.Sprintf(format, t.Name, t.Addr, mark))
	}
	return strings.Join(out, between)
}

func nginxArgs(home, conf string) []string {
	return []string{"-p", home, "-e", "stderr", "-c", conf, "-g", "daemon off;"}
}

func nginxConf(p *Proxy, without string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // the folder is ours alone
	}
	return user + p.fill(nginxText, p.lines("server %[2]s%[3]s;", " ", without, " down"))
}

const nginxText = `worker_processes auto;
error_log stderr error;
pid HOME/pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path HOME/body;
  proxy_temp_path HOME/proxy;
  fastcgi_temp_path HOME/fastcgi;
  uwsgi_temp_path HOME/uwsgi;
  scgi_temp_path HOME/scgi;
  keepalive_requests 100000000;
  keepalive_timeout 3600s;
  userid on;
  userid_name route;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream bench { TARGETS keepalive 1024; keepalive_requests 100000000; }
  server {
    listen ADDRESS backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_buffers 32 8k;
    location / { proxy_pass http://bench; }
    location /stream { proxy_pass http://bench; proxy_buffering off; }
  }
}
`

func haproxyArgs(_, conf string) []string { return []string{"-db", "-f", conf} }

func haproxyConf(p *Proxy, _ string) string {
	return p.fill(haproxyText, p.lines("server %[1]s %[2]s cookie %[1]s check inter 1s", "\n  ", "", ""))
}

const haproxyText = `global
  maxconn 8192
  stats socket HOME/sock mode 600 level admin
defaults
  mode http
  retries 3
  option redispatch
  timeout connect 2s
  timeout client 3600s
  timeout server 60s
  timeout tunnel 3600s
  option forwardfor
  http-reuse safe
frontend bench
  bind ADDRESS backlog 4096
  default_backend bench
backend bench
  balance roundrobin
  cookie route insert indirect nocache httponly
  option httpchk GET /health
  TARGETS
`

// findCaddy looks where bench/gateway/setup puts it, and on PATH.
func findCaddy() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		for _, path := range []string{"out/bin/caddy", "bench/out/bin/caddy"} {
			if _, err := os.Stat(filepath.Join(at, path)); err == nil {
				return filepath.Join(at, path), nil
			}
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	path, err := onPath("caddy")()
	if err != nil {
		return "", errors.Join(err, errors.New("bench/gateway/setup builds it"))
	}
	return path, nil
}

func caddyArgs(_, conf string) []string { return []string{"run", "--config", conf} }

func caddyConf(p *Proxy, _ string) string {
	return p.fill(caddyText, p.lines(`{"dial": "%[2]s"}`, ", ", "", ""))
}

// With the retries and checks that its documents offer, and without closing
// the streams of all targets at each change.
const caddyText = `{
  "admin": {"listen": "ADMIN", "config": {"persist": false}},
  "storage": {"module": "file_system", "root": "HOME"},
  "logging": {"logs": {"default": {"level": "ERROR"}}},
  "apps": {"http": {"servers": {"bench": {
    "listen": ["ADDRESS"],
    "protocols": ["h1"],
    "idle_timeout": "1h",
    "automatic_https": {"disable": true},
    "routes": [{"handle": [{
      "handler": "reverse_proxy",
      "upstreams": [TARGETS],
      "load_balancing": {
        "selection_policy": {"policy": "cookie", "name": "route", "secret": "bench"},
        "try_duration": "5s", "try_interval": "50ms"
      },
      "health_checks": {
        "active": {"uri": "/health", "interval": "1s", "timeout": "1s"},
        "passive": {"fail_duration": "2s", "max_fails": 1}
      },
      "stream_close_delay": "1m",
      "transport": {"protocol": "http", "keep_alive": {"max_idle_conns_per_host": 1024, "idle_timeout": "1m"}}
    }]}]
  }}}}
}
`
