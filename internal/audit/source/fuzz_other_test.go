package source

import (
	"testing"
)

// inside fails unless every node of f stands in the file, in pieces of text
// that are in order.
func inside(t *testing.T, f *File) {
	if f == nil {
		return
	}
	last := len(f.lines())
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Line < 1 || n.Line > last || n.Column < 1 || n.KeyLine < 0 || n.KeyLine > last {
			t.Fatalf("%s: place %d:%d of %d lines", n.Path(), n.Line, n.Column, last)
		}
		if n.start < 0 || n.start > len(f.Data) || n.entry < 0 || n.entry > len(f.Data) || n.end != 0 && (n.end < n.start || n.end > len(f.Data)) {
			t.Fatalf("%s: bytes %d to %d (entry %d) of %d", n.Path(), n.start, n.end, n.entry, len(f.Data))
		}
		if n.Doc == nil || n.Doc.File != f {
			t.Fatalf("%s: in another file", n.Path())
		}
		for _, c := range n.Items {
			if c.Parent != n {
				t.Fatalf("%s: not below its parent", c.Path())
			}
			walk(c)
		}
	}
	for _, d := range f.Docs {
		walk(d.Root)
	}
}

func FuzzProperties(f *testing.F) {
	f.Add("a=1\n#---\nb : \\u00e9\\\n  c\r\n!x\n")
	f.Add("\\")
	f.Add("a\\\r\n=\\ud83d\\u")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := Parse("application.properties", Properties, []byte(text))
		inside(t, got)
	})
}

func FuzzDockerfile(f *testing.F) {
	f.Add(dockerfileText)
	f.Add("# escape=`\nFROM x\nENTRYPOINT [\"a`\n\"]\n")
	f.Add("FROM $\nSTOPSIGNAL ${A:-${B}}\nCMD [\"\\u00e9\",")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := Parse("Dockerfile", Dockerfile, []byte(text))
		inside(t, got)
	})
}

func FuzzUnit(f *testing.F) {
	f.Add("[Service]\nExecStart=a \\\n# c\n  b\n[Service]\nKillMode = \n")
	f.Add("[]\n=\\")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := Parse("a.service", Unit, []byte(text))
		inside(t, got)
	})
}

func FuzzLibraries(f *testing.F) {
	f.Add(pom)
	f.Add("<project><parent><version>${a}</version></parent></a>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"pom.xml", "build.gradle"} {
			got, _ := Parse(name, Libraries, []byte(text))
			inside(t, got)
		}
	})
}

func FuzzEmbedded(f *testing.F) {
	f.Add(configMap)
	f.Add("data:\n  application.yml: |2\n     a: 1\n  application.properties: >\n    a\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := Parse("x.yaml", YAML, []byte(text))
		if got == nil {
			return
		}
		for _, d := range got.Docs {
			for _, field := range d.Root.Get("data").Fields() {
				for _, root := range Embedded(field) {
					embedded(t, got, root)
				}
			}
		}
	})
}

func embedded(t *testing.T, f *File, n *Node) {
	if n.Doc.File != f || n.Line < 1 || n.Line > len(f.lines()) || n.Column < 1 {
		t.Fatalf("%s: at %d:%d of %d lines", n.Path(), n.Line, n.Column, len(f.lines()))
	}
	for _, c := range n.Items {
		embedded(t, f, c)
	}
}
