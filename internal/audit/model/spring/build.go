package spring

import (
	"fmt"
	"path"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
	"github.com/evenkeel/evenkeel/internal/policy"
)

// Libraries are those that the build files of an application name. The zero
// value knows none.
type Libraries struct {
	own map[string]bool // of its folder and those above
	all map[string]bool // of all build files: an own library may bring others along
}

// Known reports whether there is a build file.
func (l Libraries) Known() bool { return len(l.own) > 0 }

// Has reports whether a build file of the application names a library in whose
// name one of the words stands.
func (l Libraries) Has(words ...string) bool { return contains(l.own, words) }

// MayHave reports whether any build file names one.
func (l Libraries) MayHave(words ...string) bool { return contains(l.all, words) }

func contains(names map[string]bool, words []string) bool {
	for name := range names {
		for _, word := range words {
			if strings.Contains(name, word) {
				return true
			}
		}
	}
	return false
}

// builds are the build files of all programs.
type builds struct {
	folders map[string][]*tree.Node
	all     map[string]bool // libraries that any of them names
}

func readBuilds(files []*tree.File) builds {
	b := builds{map[string][]*tree.Node{}, map[string]bool{}}
	for _, f := range files {
		if f.Format != tree.Libraries {
			continue
		}
		dir := path.Dir(f.Name)
		b.folders[dir] = append(b.folders[dir], f.Roots()...)
		for _, root := range f.Roots() {
			for _, l := range root.Get("libraries").List() {
				b.all[l.Value] = true
			}
		}
	}
	return b
}

// build reads the build files of the application's folder and those above it.
// The version is that of the nearest that says one.
func (a *Application) build(b builds) {
	a.Libraries = Libraries{own: map[string]bool{}, all: b.all}
	for dir := a.Module; ; dir = path.Dir(dir) {
		for _, root := range b.folders[dir] {
			if a.Boot == (policy.Version{}) {
				a.Boot = bootVersion(root.Get("boot").Text())
			}
			for _, l := range root.Get("libraries").List() {
				a.Libraries.own[l.Value] = true
			}
		}
		if dir == path.Dir(dir) {
			break
		}
	}
}

func bootVersion(text string) (v policy.Version) {
	if n, _ := fmt.Sscanf(text, "%d.%d", &v.Major, &v.Minor); n != 2 {
		return policy.Version{}
	}
	return v
}
