package java

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// ParseLibraries reads of a Java program's build file, pom.xml or build.gradle,
// what says how the program behaves: a map of boot, the version of Spring Boot,
// and libraries, a list of the names of artifacts.
func ParseLibraries(f *tree.File) error {
	b := &libraries{file: f, starts: f.Starts(), doc: &tree.Doc{File: f}}
	b.doc.Root = b.node(0, "")
	b.doc.Root.Kind = tree.Map
	b.list = b.node(0, "")
	b.list.Kind, b.list.Key = tree.List, "libraries"
	b.doc.Root.Add(b.list)
	if strings.HasSuffix(f.Name, ".xml") {
		if err := b.maven(); err != nil {
			return err
		}
	} else {
		b.gradle()
	}
	f.Docs = append(f.Docs, b.doc)
	return nil
}

type libraries struct {
	file   *tree.File
	doc    *tree.Doc
	starts []int
	list   *tree.Node
}

// node is the text at a byte of the file, which is not to be edited.
func (b *libraries) node(at int, text string) *tree.Node {
	n := &tree.Node{Kind: tree.Scalar, Value: text, Doc: b.doc, Start: at, KeyStart: at}
	n.Line, n.Column = b.file.Place(at)
	return n
}

func (b *libraries) boot(at int, version string) {
	if version != "" && b.doc.Root.Get("boot") == nil {
		n := b.node(at, version)
		n.Key, n.KeyLine, n.KeyColumn = "boot", n.Line, n.Column
		b.doc.Root.Add(n)
	}
}

func (b *libraries) library(at int, name string) {
	if len(b.list.Items) < tree.MaxNodes {
		b.list.Add(b.node(at, name))
	}
}

// artifact is what an element with an artifactId says.
type artifact struct {
	at                   int
	group, name, version string
}

// maven reads the elements of a pom.
func (b *libraries) maven() error {
	dec := xml.NewDecoder(bytes.NewReader(b.file.Data))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8, or was refused
	var path []string
	var text strings.Builder
	var found artifact
	properties := map[string]string{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			line, _ := dec.InputPos()
			return tree.ErrorAt(min(line, len(b.starts)), errors.New("not valid XML"))
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) > tree.MaxDepth {
				return tree.ErrBounds
			}
			path = append(path, t.Name.Local)
			text.Reset()
			if t.Name.Local == "dependency" || t.Name.Local == "parent" {
				found = artifact{at: int(dec.InputOffset())}
			}
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if len(path) > 0 {
				b.element(path, strings.TrimSpace(text.String()), &found, properties)
				path = path[:len(path)-1]
			}
			text.Reset()
		}
	}
}

// element is called at the end of each, with the way to it.
func (b *libraries) element(path []string, text string, found *artifact, properties map[string]string) {
	name, up := path[len(path)-1], ""
	if len(path) > 1 {
		up = path[len(path)-2]
	}
	switch {
	case up == "properties":
		properties[name] = text
	case up == "dependency" || up == "parent":
		switch name {
		case "groupId":
			found.group = text
		case "artifactId":
			found.name = text
		case "version":
			found.version = text
		}
	case name == "dependency" || name == "parent":
		if p, ok := strings.CutPrefix(found.version, "${"); ok {
			found.version = properties[strings.TrimSuffix(p, "}")]
		}
		if found.name == "spring-boot-starter-parent" || found.name == "spring-boot-dependencies" {
			b.boot(found.at, found.version)
		}
		if name == "dependency" && !slices.Contains(path, "dependencyManagement") && !slices.Contains(path, "plugin") {
			b.library(found.at, found.name)
		}
	}
}

var (
	gradleBoot = regexp.MustCompile(`org\.springframework\.boot['"]\s*\)?\s*version\s*\(?\s*['"](\d[\w.-]*)['"]|` +
		`org\.springframework\.boot:spring-boot-(?:gradle-plugin|dependencies):(\d[\w.-]*)|springBootVersion\s*=\s*['"](\d[\w.-]*)['"]`)
	gradleLibrary = regexp.MustCompile(`['"][\w.-]+:([\w.-]+)(?::[^'"]*)?['"]|\blibs\.([\w.]+)`)
)

// gradle reads the words of a script; a catalogue's names count as artifacts.
func (b *libraries) gradle() {
	for _, m := range gradleBoot.FindAllSubmatchIndex(b.file.Data, -1) {
		for i := 2; i < len(m); i += 2 {
			if m[i] >= 0 {
				b.boot(m[i], string(b.file.Data[m[i]:m[i+1]]))
			}
		}
	}
	for _, m := range gradleLibrary.FindAllSubmatchIndex(b.file.Data, -1) {
		for i := 2; i < len(m); i += 2 {
			if m[i] >= 0 {
				b.library(m[i], strings.ReplaceAll(string(b.file.Data[m[i]:m[i+1]]), ".", "-"))
			}
		}
	}
}
