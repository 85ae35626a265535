package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/bench/measure"
	"github.com/evenkeel/evenkeel/bench/raw"
)

// proxy is a process that takes part.
type proxy struct {
	*measure.Process
	name    string
	addr    string
	version string
}

// names of those who take part, in the order of the tables.
var names = []string{"evenkeel", "httputil-tuned", "httputil-default", "nginx", "haproxy"}

// startProxies starts all that are there, in front of one target. What is not
// there is told.
func startProxies(ctx context.Context, dir, target string) (list []*proxy, err error) {
	defer func() {
		if err != nil {
			stopAll(list)
		}
	}()
	for _, name := range names {
		p := &proxy{name: name}
		switch name {
		case "nginx", "haproxy":
			path, lookErr := exec.LookPath(name)
			if lookErr != nil {
				fmt.Printf("%s is not installed: left out\n", name)
				continue
			}
			err = p.startForeign(ctx, path, dir, target)
		default:
			err = p.startRole(ctx, name, target)
		}
		if err != nil {
			return list, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, p)
		if err := p.ready(ctx, "/200"); err != nil {
			return list, err
		}
	}
	return list, nil
}

func stopAll(list []*proxy) {
	for _, p := range list {
		p.Stop()
	}
}

// startRole starts this program in a role that prints its address.
func (p *proxy) startRole(ctx context.Context, role string, args ...string) error {
	var err error
	if p.Process, err = measure.Self(ctx, append([]string{"role", role}, args...)...); err != nil {
		return err
	}
	if p.addr, err = p.Line(ctx); err != nil {
		p.Stop()
	}
	return err
}

// startForeign starts a proxy that reads a configuration.
func (p *proxy) startForeign(ctx context.Context, path, dir, target string) error {
	port, err := measure.FreePort(ctx)
	if err != nil {
		return err
	}
	p.addr = fmt.Sprintf("127.0.0.1:%d", port)
	home := filepath.Join(dir, p.name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	conf := filepath.Join(home, "conf")
	args, text := haproxyArgs(conf), haproxyConf
	if p.name == "nginx" {
		args, text = nginxArgs(home, conf), nginxConf
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // the folder is ours alone
	}
	text = strings.NewReplacer("ADDRESS", p.addr, "TARGET", target, "HOME", home, "USER", user).Replace(text)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, path, "-v").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s -v: %w", path, err)
	}
	p.version, _, _ = strings.Cut(string(out), "\n")
	if p.Process, err = measure.Start(ctx, path, args...); err != nil {
		return err
	}
	if err := p.Await(ctx, p.addr); err != nil {
		p.Stop()
		return err
	}
	return nil
}

func nginxArgs(home, conf string) []string {
	return []string{"-p", home, "-e", "stderr", "-c", conf, "-g", "daemon off;"}
}

const nginxConf = `USER
worker_processes auto;
error_log stderr error;
pid HOME/pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path HOME/body;
  proxy_temp_path HOME/proxy;
  fastcgi_temp_path HOME/fastcgi;
  uwsgi_temp_path HOME/uwsgi;
  scgi_temp_path HOME/scgi;
  keepalive_requests 100000000;
  userid on;
  userid_name route;
  upstream bench { server TARGET; keepalive 1024; keepalive_requests 100000000; }
  server {
    listen ADDRESS backlog=4096;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffers 32 8k;
    }
  }
}
`

func haproxyArgs(conf string) []string { return []string{"-db", "-f", conf} }

const haproxyConf = `global
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse safe
frontend bench
  bind ADDRESS
  default_backend bench
backend bench
  cookie route insert indirect nocache httponly
  option httpchk GET /health
  server a TARGET cookie a check inter 1s
`

// ready waits until the proxy answers 200.
func (p *proxy) ready(ctx context.Context, path string) error {
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		a, err := once(wait, p.addr, path)
		if err == nil && a.Status == 200 {
			return nil
		}
		select {
		case <-tick.C:
		case <-wait.Done():
			return fmt.Errorf("%s is not ready: answered %d, %w", p.name, a.Status, err)
		}
	}
}

func once(ctx context.Context, addr, path string) (raw.Answer, error) {
	c, err := raw.Dial(ctx, addr)
	if err != nil {
		return raw.Answer{}, err
	}
	defer c.Close()
	return c.Do(raw.Get(addr, path))
}

// browsers are the cookies that a proxy gives to n clients; none if it gives
// none.
func (p *proxy) browsers(ctx context.Context, n int) ([]string, error) {
	var cookies []string
	for range n {
		a, err := once(ctx, p.addr, "/200")
		if err != nil {
			return nil, err
		}
		if a.SetCookie != "" {
			cookies = append(cookies, a.SetCookie)
		}
	}
	if len(cookies) != 0 && len(cookies) != n {
		return nil, fmt.Errorf("%s gave %d cookies to %d clients", p.name, len(cookies), n)
	}
	return cookies, nil
}
