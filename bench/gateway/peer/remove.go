package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/bench/gateway/role"
)

// Remove takes a target out in the way that the proxy has for it, and waits
// until nothing is in flight to it, or until role.DrainBound is over.
func (p *Proxy) Remove(ctx context.Context, name string) error {
	remove := map[string]func(context.Context, string) error{
		Evenkeel: p.drain, Nginx: p.reload, Caddy: p.delete,
		HAProxy: p.setServer("drain"), Maint: p.setServer("maint"),
	}[p.Name]
	if remove == nil {
		remove = p.tell
	}
	if err := remove(ctx, name); err != nil {
		return fmt.Errorf("%s: remove %s: %w", p.Name, name, err)
	}
	return nil
}

// drain is evenkeel's.
func (p *Proxy) drain(ctx context.Context, name string) error {
	return p.Call(ctx, http.MethodPost, "/v1/groups/"+role.Group+"/targets/"+name+"/drain?wait=20s", "", nil)
}

// tell is that of the proxies of httputil.
func (p *Proxy) tell(ctx context.Context, name string) error {
	if err := p.Say("remove " + name); err != nil {
		return err
	}
	_, err := p.Line(ctx)
	return err
}

// setServer is haproxy's runtime API.
func (p *Proxy) setServer(state string) func(context.Context, string) error {
	return func(ctx context.Context, name string) error {
		if out, err := p.runtime(ctx, "set server bench/"+name+" state "+state); err != nil || strings.TrimSpace(out) != "" {
			return fmt.Errorf("%s %w", strings.TrimSpace(out), err)
		}
		_ = poll(ctx, role.DrainBound, func() bool {
			out, err := p.runtime(ctx, "show stat bench 4 -1")
			return err == nil && sessions(out, name) == 0
		})
		return ctx.Err()
	}
}

// sessions are those of a server in haproxy's CSV; -1 if they are not told.
func sessions(csv, server string) int {
	const svname, scur = 1, 4
	for line := range strings.Lines(csv) {
		f := strings.Split(line, ",")
		if len(f) > scur && f[svname] == server {
			if n, err := strconv.Atoi(f[scur]); err == nil {
				return n
			}
		}
	}
	return -1
}

func (p *Proxy) runtime(ctx context.Context, command string) (string, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(p.home, "sock"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, command+"\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// reload is nginx's: workers with the old configuration end when their clients
// have gone.
func (p *Proxy) reload(ctx context.Context, name string) error {
	if err := p.write(nginxConf(p, name)); err != nil {
		return err
	}
	old := children(p.Pid())
	if err := p.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	_ = poll(ctx, role.DrainBound, func() bool {
		return !slices.ContainsFunc(children(p.Pid()), func(pid string) bool { return slices.Contains(old, pid) })
	})
	return ctx.Err()
}

// children of a process, by number.
func children(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return []string{"unknown"} // the bound decides
	}
	return strings.Fields(string(b))
}

// delete is caddy's admin API.
func (p *Proxy) delete(ctx context.Context, name string) error {
	const upstreams = "/config/apps/http/servers/bench/routes/0/handle/0/upstreams/"
	i := slices.IndexFunc(p.targets, func(t Target) bool { return t.Name == name })
	if err := p.Call(ctx, http.MethodDelete, upstreams+strconv.Itoa(i), "", nil); err != nil {
		return err
	}
	_ = poll(ctx, role.DrainBound, func() bool {
		var list []struct {
			Address  string `json:"address"`
			Requests int    `json:"num_requests"`
		}
		if err := p.Call(ctx, http.MethodGet, "/reverse_proxy/upstreams", "", &list); err != nil {
			return false
		}
		for _, u := range list {
			if u.Address == p.targets[i].Addr && u.Requests > 0 {
				return false
			}
		}
		return true
	})
	return ctx.Err()
}

// Call asks the admin API; answer may be nil.
func (p *Proxy) Call(ctx context.Context, method, path, body string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.Admin+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		line, _ := bufio.NewReader(resp.Body).ReadString('\n') // the more it says the better
		return fmt.Errorf("%s %s answered %s: %s", method, path, resp.Status, line)
	}
	if answer == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// allHealthy waits until evenkeel has checked all of its targets.
func (p *Proxy) allHealthy(ctx context.Context) error {
	var last error
	err := poll(ctx, 20*time.Second, func() bool {
		var list struct {
			Targets []struct {
				State string `json:"state"`
			} `json:"targets"`
		}
		if last = p.Call(ctx, http.MethodGet, "/v1/groups/"+role.Group+"/targets", "", &list); last != nil {
			return false
		}
		for _, t := range list.Targets {
			if t.State != "healthy" {
				last = fmt.Errorf("a target is %s", t.State)
			}
		}
		return last == nil
	})
	if err != nil {
		return fmt.Errorf("not all targets are healthy: %w, %w", err, last)
	}
	return nil
}
