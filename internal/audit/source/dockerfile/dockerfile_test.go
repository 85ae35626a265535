package dockerfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/source/sourcetest"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

const dockerfileText = `# syntax=docker/dockerfile:1
ARG TAG=21-jre
ARG NONE
FROM --platform=linux/amd64 maven:3 AS build
RUN <<EOF
FROM not:this
EOF
FROM eclipse-temurin:${TAG}
ARG SIGNAL=SIGQUIT
stopsignal ${SIGNAL}
COPY --from=build /app.jar \
  # a comment among them

  /app.jar
EXPOSE 8080
ENTRYPOINT ["java", \
  "-jar", "/app.jar"]
CMD  java $OPTS -jar /app.jar  
FROM a/b:$NONE
CMD [java -jar]
`

func TestDockerfile(t *testing.T) {
	f := sourcetest.Parsed(t, tree.Dockerfile, dockerfileText)
	want := strings.Split(`2:5 ARG=TAG=21-jre [TAG=21-jre]
3:5 ARG=NONE [NONE]
4:29 FROM.image=maven:3 [maven:3]
4:6 FROM.as=build [-]
5:5 FROM.RUN=<<EOF [<<EOF]
8:6 FROM.image=eclipse-temurin:21-jre [eclipse-temurin:${TAG}]
9:5 FROM.ARG=SIGNAL=SIGQUIT [SIGNAL=SIGQUIT]
10:12 FROM.STOPSIGNAL=SIGQUIT [${SIGNAL}]
11:6 FROM.COPY=--from=build /app.jar   /app.jar [-]
15:8 FROM.EXPOSE=8080 [8080]
16:13 FROM.ENTRYPOINT[0]=java ["java"]
17:3 FROM.ENTRYPOINT[1]=-jar ["-jar"]
17:11 FROM.ENTRYPOINT[2]=/app.jar ["/app.jar"]
18:6 FROM.CMD=java $OPTS -jar /app.jar [java $OPTS -jar /app.jar]
19:6 FROM.image=a/b:$NONE [a/b:$NONE]
20:5 FROM.CMD=[java -jar] [[java -jar]]`, "\n")
	if d := cmp.Diff(want, sourcetest.Lines(f)); d != "" {
		t.Error(d)
	}
	last := f.Docs[0].Root.Blocks("FROM")[2]
	if !last.Get("image").Unknown || last.Pos().Line != 19 {
		t.Errorf("unknown %t at %s", last.Get("image").Unknown, last.Pos())
	}
}

func TestDockerfileEscape(t *testing.T) {
	f := sourcetest.Parsed(t, tree.Dockerfile, "# escape=`\nFROM x\nCMD a `\n b\\\nUSER c\n")
	want := []string{"2:6 FROM.image=x [x]", "3:5 FROM.CMD=a  b\\ [-]", "5:6 FROM.USER=c [c]"}
	if d := cmp.Diff(want, sourcetest.Lines(f)); d != "" {
		t.Error(d)
	}
}

func FuzzDockerfile(f *testing.F) {
	f.Add(dockerfileText)
	f.Add("# escape=`\nFROM x\nENTRYPOINT [\"a`\n\"]\n")
	f.Add("FROM $\nSTOPSIGNAL ${A:-${B}}\nCMD [\"\\u00e9\",")
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := source.Parse("Dockerfile", tree.Dockerfile, []byte(text))
		sourcetest.Inside(t, got)
	})
}
