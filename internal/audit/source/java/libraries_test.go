package java_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const pom = `<?xml version="1.0" encoding="UTF-8"?>
<project>
  <properties><boot.version>2.7.18</boot.version></properties>
  <dependencyManagement><dependencies><dependency>
    <groupId>org.springframework.boot</groupId><artifactId>spring-boot-dependencies</artifactId><version>${boot.version}</version>
  </dependency></dependencies></dependencyManagement>
  <dependencies>
    <dependency><artifactId>spring-session-data-redis</artifactId>
      <exclusions><exclusion><artifactId>lettuce-core</artifactId></exclusion></exclusions></dependency>
  </dependencies>
</project>
`

func TestLibraries(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"pom.xml": {pom, []string{"8:17 libraries[0]=spring-session-data-redis [-]", "4:51 boot=2.7.18 [-]"}},
		"a/pom.xml": {"<project>\n<parent><artifactId>spring-boot-starter-parent</artifactId><version>3.5.0</version></parent>\n</project>",
			[]string{"2:9 boot=3.5.0 [-]"}},
		"build.gradle": {"plugins { id 'org.springframework.boot' version '3.3.4' }\ndependencies {\n implementation 'org.springframework.session:spring-session-jdbc'\n implementation(libs.spring.web)\n}",
			[]string{"3:46 libraries[0]=spring-session-jdbc [-]", "4:22 libraries[1]=spring-web [-]", "1:50 boot=3.3.4 [-]"}},
		"build.gradle.kts": {"plugins { id(\"org.springframework.boot\") version \"3.4.0\" }", []string{"1:51 boot=3.4.0 [-]"}},
	} {
		f, notes := source.Parse(name, tree.Libraries, []byte(c.text))
		if len(notes) > 0 {
			t.Error(notes)
		} else if d := cmp.Diff(c.want, sourcetest.Lines(f)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if f, notes := source.Parse("pom.xml", tree.Libraries, []byte("<project>\n<a b=></project>")); f != nil || len(notes) != 1 || notes[0].Line != 2 {
		t.Errorf("%v %+v", f, notes)
	}
}

func FuzzLibraries(f *testing.F) {
	f.Add(pom)
	f.Add("<project><parent><version>${a}</version></parent></a>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"pom.xml", "build.gradle"} {
			got, _ := source.Parse(name, tree.Libraries, []byte(text))
			sourcetest.Inside(t, got)
		}
	})
}
