package host

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model/image"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
	"github.com/evenkeel/evenkeel/internal/audit/rules/shellscript"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// imageRules are the rules of Dockerfiles.
var imageRules = []*rule.Rule{
	{
		ID: "EK-IMG-001", Severity: rule.Error, Autofix: rule.Safe, Surface: "Dockerfile",
		Title: "a shell is the image's first process and keeps SIGTERM to itself",
		Why: "ENTRYPOINT and CMD without brackets are run by /bin/sh -c. The shell stays as the first process and does not pass SIGTERM on: the program " +
			"runs on as if nothing had happened, until SIGKILL cuts its requests and what it has not yet written.",
		Fix: "Write the command as a list, [\"program\", \"argument\"], or put exec before it.",
		Sources: []string{"Dockerfile reference: shell and exec form", "Measured: dash 0.5.12 never replaces itself by a command; bash 5.2 and BusyBox 1.35 " +
			"do for the last one"},
		Check: checkShellForm,
	},
	{
		ID: "EK-IMG-002", Severity: rule.Error, Autofix: rule.Guided, Surface: "Dockerfile",
		Title:   "the image's stop signal stops this server fast",
		Why:     "nginx, HAProxy, Apache and php-fpm drop their requests on SIGTERM: users see every running request fail whenever a container stops.",
		Fix:     "Set STOPSIGNAL: SIGQUIT (nginx, php-fpm), SIGUSR1 (HAProxy), SIGWINCH (Apache).",
		Sources: []string{"nginx, Controlling nginx: TERM, INT fast, QUIT graceful", "HAProxy management guide: SIGTERM and SIGUSR1", "Apache: stopping and restarting", "php-fpm: SIGQUIT graceful"},
		Check:   checkImageSignal,
	},
}

// serving are programs that answer requests.
var serving = regexp.MustCompile(`^(java|node|npm|yarn|pnpm|bun|deno|gunicorn|uvicorn|hypercorn|daphne|uwsgi|puma|unicorn|rails|rackup|nginx|httpd|apache2|haproxy|caddy|php-fpm\S*|dotnet|catalina\.sh|flask)$`)

func checkShellForm(p *rule.Pass) {
	for _, i := range p.Images {
		start := i.Entrypoint
		if start == nil || start.Script == "" {
			if start = i.Command; start == nil || start.Script == "" || i.Entrypoint != nil && forwards(i.Entrypoint) {
				continue
			}
		}
		last, at, ok := shellscript.LastCommand(start.Script)
		if !ok || !i.Exposed && !serving.MatchString(shellscript.Program(last)) || at >= 0 && shellscript.Replaced(i.Shell, last) {
			continue
		}
		f := rule.Finding{Node: start.Node, Subject: "image of " + start.Node.Pos().File,
			Message: fmt.Sprintf("%s is in shell form: the shell is the first process and does not pass SIGTERM on to %s", start.Node.Key, shellscript.Program(last))}
		if i.Shell == "" {
			f.Severity = rule.Warn
			f.Message += ", unless the image's /bin/sh is bash or BusyBox"
		}
		if at >= 0 {
			f.Fix = rule.Mend("start "+shellscript.Program(last)+" with exec", edit.Set(start.Node, start.Script[:at]+"exec "+start.Script[at:]))
		}
		p.Report(f)
	}
}

// forwards reports whether an ENTRYPOINT is a program that starts another and
// sends its whole group the signals it gets.
func forwards(start *image.Start) bool {
	return slices.ContainsFunc(start.Words, func(word string) bool {
		return slices.Contains([]string{"dumb-init", "evenkeel", "evenkeel-run"}, path.Base(word)) || word == "-g"
	})
}

// plainImages are images that set no stop signal.
var plainImages = []string{"debian", "ubuntu", "alpine", "fedora", "centos", "rockylinux", "almalinux", "oraclelinux", "amazonlinux",
	"ubi8", "ubi9", "ubi-minimal", "ubi8-minimal", "ubi9-minimal", "opensuse"}

// servers are programs, and images by the last part of their name, with the
// name that graceful has for them.
var serverNames = map[string]string{"nginx": "nginx", "nginx-unprivileged": "nginx", "openresty": "openresty", "haproxy": "haproxy", "httpd": "httpd",
	"httpd-foreground": "httpd", "apache2": "httpd", "apache2ctl": "httpd", "apachectl": "httpd", "apache2-foreground": "httpd", "php-fpm": "php-fpm"}

func checkImageSignal(p *rule.Pass) {
	for _, i := range p.Images {
		name, start := imageServer(i)
		right := strings.TrimPrefix(image.Graceful[name], "SIG")
		if right == "" {
			continue
		}
		f := rule.Finding{Subject: "image of " + i.Node.Pos().File}
		switch {
		case i.Stop.Written() && slices.Contains([]string{"TERM", "INT", "KILL"}, i.Stop.V):
			f.Node = i.Stop.Node
			f.Message = fmt.Sprintf("SIG%s stops %s fast: running requests are cut; SIG%s lets them finish", i.Stop.V, name, right)
			f.Fix = rule.Ask("which signal shall stop "+name+"?", rule.Choice{Title: "SIG" + right, Edits: edit.Set(i.Stop.Node, "SIG"+right)})
		case i.Stop.State == value.Absent && start != nil && slices.Contains(plainImages, baseName(i)):
			f.Node = start
			f.Message = fmt.Sprintf("there is no STOPSIGNAL, and SIGTERM stops %s fast: running requests are cut; SIG%s lets them finish", name, right)
		default:
			continue
		}
		p.Report(f)
	}
}

func baseName(i *image.Image) string {
	name, _ := (&kube.Container{Image: i.Base}).ImageName()
	return name
}

// startProgram is the program that the Dockerfile starts, and where it says so;
// empty if it does not, or starts a script that may do anything.
func startProgram(i *image.Image) (name string, at *tree.Node) {
	for _, s := range []*image.Start{i.Entrypoint, i.Command} {
		if s == nil {
			continue
		}
		if s.Script != "" {
			last, exec, ok := shellscript.LastCommand(strings.TrimPrefix(s.Script, "exec "))
			if !ok || exec < 0 {
				return "", nil
			}
			return shellscript.Program(last), s.Node
		}
		words := s.Words
		for len(words) > 0 && (slices.Contains([]string{"tini", "dumb-init"}, path.Base(words[0])) || strings.HasPrefix(words[0], "-")) {
			words = words[1:]
		}
		if len(words) > 0 {
			return path.Base(words[0]), s.Node
		}
	}
	return "", nil
}

var versioned = regexp.MustCompile(`^php-fpm[\d.]*$`)

// imageServer is the server that the image runs, as graceful names it, and
// where its command stands; without one it is the server of the image it begins
// from.
func imageServer(i *image.Image) (name string, at *tree.Node) {
	program, at := startProgram(i)
	switch {
	case versioned.MatchString(program):
		return "php-fpm", at
	case i.Entrypoint != nil || i.Command != nil:
		return serverNames[program], at
	}
	base, tag := (&kube.Container{Image: i.Base}).ImageName()
	if base == "php" && strings.Contains(tag, "fpm") {
		return "php-fpm", nil
	}
	return serverNames[base], nil
}
