package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	f := parsed(t, Dockerfile, dockerfileText)
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
	if d := cmp.Diff(want, lines(f)); d != "" {
		t.Error(d)
	}
	last := f.Docs[0].Root.Blocks("FROM")[2]
	if !last.Get("image").Unknown || last.Pos().Line != 19 {
		t.Errorf("unknown %t at %s", last.Get("image").Unknown, last.Pos())
	}
}

func TestDockerfileEscape(t *testing.T) {
	f := parsed(t, Dockerfile, "# escape=`\nFROM x\nCMD a `\n b\\\nUSER c\n")
	want := []string{"2:6 FROM.image=x [x]", "3:5 FROM.CMD=a  b\\ [-]", "5:6 FROM.USER=c [c]"}
	if d := cmp.Diff(want, lines(f)); d != "" {
		t.Error(d)
	}
}

func TestUnit(t *testing.T) {
	f := parsed(t, Unit, "# c\n[Unit]\nDescription = a b \n[Service]\nExecStart=/usr/bin/java \\\n# c\n  -jar x.jar\nEnvironment=A=1\nEnvironment=\n; d\n[Unit]\nAfter=x\n")
	want := []string{
		"3:15 Unit.Description=a b [a b]",
		"12:7 Unit.After=x [x]",
		"5:11 Service.ExecStart=/usr/bin/java -jar x.jar [-]",
		"8:13 Service.Environment=A=1 [A=1]",
		"9:13 Service.Environment= []",
	}
	if d := cmp.Diff(want, lines(f)); d != "" {
		t.Error(d)
	}
	odd := parsed(t, Unit, "A=1\n[Service]\nKillMode\nB=2\n")
	if d := cmp.Diff([]string{"4:3 Service.B=2 [2]"}, lines(odd)); d != "" {
		t.Error(d)
	}
}
