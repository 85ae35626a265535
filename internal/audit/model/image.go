package model

import (
	"path"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// Image is what a Dockerfile builds: its last stage, with what the stages say
// that it begins from.
type Image struct {
	Node    *tree.Node // the last FROM
	Base    string     // the image that all begins from; empty: not known
	Stop    Value[string]
	Exposed bool // it names ports

	Entrypoint, Command *Start // nil: the base's
	Shell               string // that runs what is in shell form, by its name; empty: not known
}

// Start is an ENTRYPOINT or a CMD.
type Start struct {
	Node   *tree.Node
	Words  []string // of the exec form
	Script string   // of the shell form
}

// Program is the name of the program that is started; empty if a script is.
func (s *Start) Program() string {
	if s == nil || len(s.Words) == 0 {
		return ""
	}
	return path.Base(s.Words[0])
}

func buildImages(m *Model, files []*tree.File) {
	for _, f := range files {
		if f.Format != tree.Dockerfile {
			continue
		}
		for _, d := range f.Docs {
			if stages := d.Root.Blocks("FROM"); len(stages) > 0 {
				m.Images = append(m.Images, newImage(stages))
			}
		}
	}
}

// newImage reads the last of the stages, and before it those it begins from.
func newImage(stages []*tree.Node) *Image {
	i := &Image{Node: stages[len(stages)-1]}
	chain := []*tree.Node{i.Node}
	for at := len(stages) - 1; ; {
		base := chain[len(chain)-1].Get("image")
		at = stageCalled(stages[:at], base.Text())
		if at < 0 {
			i.Base = base.Text()
			break
		}
		chain = append(chain, stages[at])
	}
	i.Shell = shellOf(i.Base)
	for _, stage := range slices.Backward(chain) {
		for _, c := range stage.Fields() {
			i.instruction(c)
		}
	}
	return i
}

// stageCalled is the last stage of that name, -1 if there is none.
func stageCalled(stages []*tree.Node, name string) int {
	for i, stage := range slices.Backward(stages) {
		if as := stage.Get("as"); as != nil && strings.EqualFold(as.Text(), name) {
			return i
		}
	}
	return -1
}

func (i *Image) instruction(n *tree.Node) {
	switch n.Key {
	case "STOPSIGNAL":
		i.Stop = Text(n, Value[string]{Name: "STOPSIGNAL"})
		i.Stop.V = signalName(i.Stop.V)
	case "EXPOSE":
		i.Exposed = true
	case "SHELL":
		i.Shell = newStart(n).Program()
	case "ENTRYPOINT":
		i.Entrypoint, i.Command = newStart(n), nil // the CMD before it counts no more
	case "CMD":
		i.Command = newStart(n)
	}
}

func newStart(n *tree.Node) *Start {
	s := &Start{Node: n, Script: n.Text()}
	for _, c := range n.List() {
		s.Words = append(s.Words, c.Value)
	}
	return s
}

// signalNumbers are Linux's, as images write them.
var signalNumbers = map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}

// signalName is QUIT for SIGQUIT, quit and 3.
func signalName(text string) string {
	if name, ok := signalNumbers[text]; ok {
		return name
	}
	return strings.TrimPrefix(strings.ToUpper(text), "SIG")
}

// Images by the last part of their name, after what /bin/sh is in them.
var (
	dashImages = words(`debian ubuntu eclipse-temurin node python ruby golang php perl rust gcc buildpack-deps tomcat jetty
		httpd nginx haproxy nginx-unprivileged maven gradle varnish`)
	bashImages = words(`fedora centos rockylinux almalinux oraclelinux amazonlinux amazoncorretto ubi8 ubi9 ubi-minimal ubi8-minimal ubi9-minimal
		opensuse openjdk ibm-semeru-runtimes`)
)

// shellOf is what /bin/sh is in an image: dash in Debian's and Ubuntu's, bash in
// Red Hat's and Amazon's, BusyBox in Alpine's; empty if its name does not say.
func shellOf(image string) string {
	name, tag := (&Container{Image: image}).ImageName()
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
