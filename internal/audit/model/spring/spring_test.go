package spring

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// apps are the applications of files, name and text in turn, that nothing is
// known to run.
func apps(t *testing.T, files ...string) []*Application {
	t.Helper()
	var all []*tree.File
	for i := 0; i < len(files); i += 2 {
		format, ok := source.FormatOf(files[i])
		if !ok {
			t.Fatalf("%s is not read", files[i])
		}
		f, notes := source.Parse(files[i], format, []byte(files[i+1]))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		all = append(all, f)
	}
	inside, outside := Read(all, &kube.Cluster{})
	for _, a := range append(inside, outside...) {
		a.Settle(nil, "")
	}
	return append(inside, outside...)
}

// settings of the only application there is.
func settings(t *testing.T, files ...string) *Settings {
	t.Helper()
	all := apps(t, files...)
	if len(all) != 1 {
		t.Fatalf("%d applications", len(all))
	}
	return all[0].Configs[0]
}

const programFile = "src/main/resources/application.yml"

// Spring Boot's reference: relaxed binding.
func TestNames(t *testing.T) {
	for _, text := range []string{
		"spring:\n  lifecycle:\n    timeout-per-shutdown-phase: 5s\n",
		"spring:\n  lifecycle:\n    timeoutPerShutdownPhase: 5s\n",
		"spring:\n  lifecycle:\n    timeout_per_shutdown_phase: 5s\n",
		"spring.lifecycle.TIMEOUT-PER-SHUTDOWN-PHASE: 5s\n",
		"spring.lifecycle:\n  timeoutpershutdownphase: 5s\n",
	} {
		v := settings(t, programFile, text).Duration("spring.lifecycle.timeout-per-shutdown-phase", time.Millisecond, value.Value[time.Duration]{})
		if v.V != 5*time.Second || !v.Written() {
			t.Errorf("%q: %v, state %d", text, v.V, v.State)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30": 30 * time.Millisecond, "30s": 30 * time.Second, "1m": time.Minute, "2H": 2 * time.Hour, "1d": 24 * time.Hour, "500ms": 500 * time.Millisecond,
		"PT30S": 30 * time.Second, "PT1M30S": 90 * time.Second, "P1DT1H": 25 * time.Hour, "-1": -time.Millisecond, "+5s": 5 * time.Second, "pt0.5s": 500 * time.Millisecond,
	} {
		if got, ok := duration(text, time.Millisecond); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "1x", "1 s", "1m30s", "P", "PT", "1.5s", "99999999999999d"} {
		if got, ok := duration(text, time.Millisecond); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	s := settings(t, programFile, "a: x\nb: ${a}\nc: ${NONE:d}\nd: ${NONE}\ne: ${NONE:${a:y}}-${c}\nf: ${f}\ng: '#{1}'\nh: '@project.version@'\ni: ${NONE:}\nj: '${a'\n")
	for name, want := range map[string]string{"a": "x", "b": "x", "c": "d", "e": "x-d", "i": "", "j": "${a"} {
		if v := s.Text(name, value.Value[string]{}); !v.Written() || v.V != want {
			t.Errorf("%s: %q, state %d, want %q", name, v.V, v.State, want)
		}
	}
	for _, name := range []string{"d", "f", "g", "h"} {
		if v := s.Text(name, value.Value[string]{}); v.State != value.Unknown || v.Node == nil {
			t.Errorf("%s: %q, state %d, want unknown", name, v.V, v.State)
		}
	}
}

func TestProfileExpressions(t *testing.T) {
	for when, want := range map[string]bool{
		"": true, "prod": true, "dev": false, "!dev": true, "!prod": false, "prod & eu": true, "prod & us": false, "dev | eu": true,
		"(prod & us) | (!dev & eu)": true, "!(prod | dev)": false, "prod &": false, "(": false,
	} {
		if got := holds(when, []string{"prod", "eu"}); got != want {
			t.Errorf("%q: %t", when, got)
		}
	}
}

// What stands nearer to the program's start wins: the order of Spring Boot's
// reference, "Externalized Configuration".
func TestOrder(t *testing.T) {
	all := apps(t,
		"src/main/resources/bootstrap.yml", "x: bootstrap\nname: bootstrap\n",
		"src/main/resources/application.properties", "x=properties\n",
		programFile, "x: yaml\ny: yaml\nz: yaml\n---\nspring.config.activate.on-profile: prod\nx: document\ny: document\n---\nspring.config.activate.on-profile: dev\nx: dev\n",
		"src/main/resources/application-prod.yml", "x: profile\n",
		"src/main/resources/config/application.yml", "z: config\n",
		"src/test/resources/application.yml", "x: test\n")
	if len(all) != 1 || len(all[0].Configs) != 2 {
		t.Fatalf("%d applications", len(all))
	}
	for i, want := range []string{"properties yaml config bootstrap", "profile document config bootstrap"} {
		c := all[0].Configs[i]
		got := ""
		for _, name := range []string{"x", "y", "z", "name"} {
			got += c.Text(name, value.Value[string]{}).V + " "
		}
		if got != want+" " {
			t.Errorf("with profile %q: %s, want %s", c.Profile, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	all := apps(t, programFile, "spring:\n  profiles:\n    include: common\n    group:\n      prod: [db, eu]\n",
		"src/main/resources/application-eu.yml", "x: eu\n", "src/main/resources/application-common.yml", "y: common\n", "src/main/resources/application-prod.yml", "z: 1\n")
	for _, c := range all[0].Configs {
		x, y := c.Text("x", value.Value[string]{}).V, c.Text("y", value.Value[string]{}).V
		if y != "common" || (x == "eu") != (c.Profile == "eu" || c.Profile == "prod") {
			t.Errorf("with profile %q: x %q, y %q", c.Profile, x, y)
		}
	}
}

func TestFolders(t *testing.T) {
	for folder, want := range map[string]bool{
		"src/main/resources": true, "shop/src/main/resources/config": true, "config": true, ".": true, "home/src/test/shop/src/main/resources": true,
		"src/test/resources": false, "shop/src/integrationTest/resources/config": false, "build/resources/main": false, "bin/main": false, "out/production/resources": false,
	} {
		if got := len(apps(t, folder+"/application.yml", "a: 1\n")) == 1; got != want {
			t.Errorf("%s: read %t", folder, got)
		}
	}
	for folder, want := range map[string]string{"a/src/main/resources": "a", "src/main/resources": ".", "/x/src/main/resources/src/main/resources": "/x/src/main/resources", "deploy": "deploy"} {
		if got := moduleOf(folder); got != want {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
}

// A default counts only where nothing that was not read could say otherwise.
func TestPartial(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       value.State
	}{
		"whole":     {programFile, "a: 1\n", value.Default},
		"outside":   {"deploy/application.yml", "a: 1\n", value.Unknown},
		"imported":  {programFile, "spring.config.import: 'optional:configserver:'\n", value.Unknown},
		"classpath": {programFile, "spring.config.import: classpath:more.yml\n", value.Default},
		"config":    {"src/main/resources/bootstrap.yml", "spring.cloud.config.uri: http://config\n", value.Unknown},
	} {
		if v := settings(t, c.file, c.text).Bool("b", true); v.State != c.want {
			t.Errorf("%s: state %d, want %d", name, v.State, c.want)
		}
	}
}

func TestSessions(t *testing.T) {
	pom := func(library string) string {
		return "<project><dependencies><dependency><artifactId>" + library + "</artifactId></dependency></dependencies></project>"
	}
	for name, c := range map[string]struct {
		files  []string
		home   session.Home
		cookie string
		idle   time.Duration
	}{
		"library":  {[]string{programFile, "server.servlet.session.timeout: 10m\n", "pom.xml", pom("spring-session-data-redis")}, session.External, "SESSION", 10 * time.Minute},
		"store":    {[]string{programFile, "spring.session.store-type: jdbc\nspring.session.timeout: 90\n"}, session.External, "SESSION", 90 * time.Second},
		"settings": {[]string{programFile, "spring.session.data.redis.namespace: x\nserver.servlet.session.cookie.name: C\n"}, session.External, "C", 30 * time.Minute},
		"memory":   {[]string{programFile, "server.servlet.session.timeout: 15m\n", "pom.xml", pom("spring-boot-starter-web")}, session.Memory, "JSESSIONID", 15 * time.Minute},
		"none":     {[]string{programFile, "server.servlet.session.timeout: 15m\nspring.session.store-type: none\n"}, session.Memory, "JSESSIONID", 15 * time.Minute},
		"unknown":  {[]string{programFile, "server.servlet.session.timeout: 15m\n"}, session.HomeUnknown, "", 15 * time.Minute},
		"nothing":  {[]string{programFile, "a: 1\n", "pom.xml", pom("spring-boot-starter-web")}, session.HomeUnknown, "", 0},
		"profiles": {[]string{programFile, "server.servlet.session.timeout: 15m\n", "src/main/resources/application-prod.yml", "spring.session.store-type: redis\n", "pom.xml", pom("x")}, session.HomeUnknown, "", 15 * time.Minute},
	} {
		got := apps(t, c.files...)[0].Sessions
		cookie := ""
		if got.Cookie.Known() {
			cookie = got.Cookie.V
		}
		if got.Home != c.home || cookie != c.cookie || got.Timeout.V != c.idle {
			t.Errorf("%s: %q, cookie %q, timeout %v", name, got.Home, cookie, got.Timeout.V)
		}
	}
}

func TestBootVersion(t *testing.T) {
	parent := "<project><parent><artifactId>spring-boot-starter-parent</artifactId><version>3.2.1</version></parent></project>"
	all := apps(t, "pom.xml", parent, "shop/pom.xml", "<project><artifactId>shop</artifactId></project>", "shop/"+programFile, "a: 1\n")
	if got := all[0].Boot.String(); got != "3.2" {
		t.Errorf("Spring Boot %q", got)
	}
}
