//go:build unix

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform"
	"github.com/evenkeel/evenkeel/internal/proctest"
)

// asRun makes the test binary evenkeel run, asProgram one of the programs that
// it runs.
const (
	asRun     = "RUNNER_TEST_RUN"
	asProgram = "RUNNER_TEST_PROGRAM"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asRun) != "":
		os.Exit(runForTest(os.Args[1:]))
	case os.Getenv(asProgram) != "":
		programs[os.Getenv(asProgram)](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(proctest.Main(m))
}

func runForTest(args []string) int {
	if err := os.Unsetenv(asRun); err != nil {
		panic(err)
	}
	opt, err := Parse(args, os.Stderr)
	var code int
	if err == nil {
		opt.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		opt.Hosts = []platform.Host{fakeHost{}}
		code, err = Run(context.Background(), opt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		return Code(err)
	}
	return code
}

// fakeHost gives a grace period, gives notice when SIGUSR1 comes, and says what
// it is told.
type fakeHost struct{}

func (fakeHost) Name() string { return "fake" }

func (fakeHost) Grace(context.Context) (time.Duration, string, error) {
	return 2 * time.Minute, "the test", nil
}

func (fakeHost) Run(ctx context.Context, load func() platform.Load) {
	last := platform.Load{State: -1}
	for ctx.Err() == nil {
		if l := load(); l.State != last.State {
			fmt.Println("host was told:", l.State)
			last = l
		}
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Println("host released")
}

func (fakeHost) Notices(ctx context.Context) <-chan platform.Notice {
	out := make(chan platform.Notice)
	said := make(chan os.Signal, 1)
	signal.Notify(said, syscall.SIGUSR1)
	go func() {
		defer close(out)
		for {
			select {
			case <-said:
				out <- platform.Notice{Reason: "spot"}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// programs are what is run; their first argument is the port.
var programs = map[string]func(args []string){
	"exits": func(args []string) { // with a code, after a time
		pause(args[1])
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	},
	"stubborn": func(args []string) { // does not know SIGTERM
		signal.Ignore(syscall.SIGTERM)
		serveProgram(args[0])
	},
	"late": func(args []string) { // listens after a time
		pause(args[1])
		serveProgram(args[0])
	},
	"polite": func(args []string) { // says what it was told
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go serveProgram(args[0])
		fmt.Println("told:", <-told)
		os.Exit(3)
	},
	"flushes": func(args []string) { // takes its time when told
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go serveProgram(args[0])
		<-told
		time.Sleep(time.Second)
		os.Exit(4)
	},
	"forks": func(args []string) { // serves in a child, as pre-forking servers do
		cmd := exec.Command(os.Args[0], args[0])
		cmd.Env = append(os.Environ(), asProgram+"=stubborn")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child:", cmd.Process.Pid)
		select {}
	},
	"crashes": func(args []string) { // in the middle of a request
		go serveProgram(args[0])
		pause(args[1])
		os.Exit(9)
	},
}

func pause(s string) {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	time.Sleep(d)
}

// serveProgram is a small service: /, /slow of 2 s, /events, /echo.
func serveProgram(port string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "ok "+r.Header.Get("X-Forwarded-For")+"\n")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Second)
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Minute)
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) { events(w, r, 25*time.Millisecond) })
	mux.HandleFunc("/ticks", func(w http.ResponseWriter, r *http.Request) { events(w, r, time.Second) })
	mux.HandleFunc("/echo", echo)
	err := (&http.Server{Addr: "127.0.0.1:" + port, Handler: mux, ReadHeaderTimeout: time.Minute}).ListenAndServe()
	if !errors.Is(err, http.ErrServerClosed) {
		panic(err)
	}
}

// events sends events in two pieces, each after a pause.
func events(w http.ResponseWriter, r *http.Request, pause time.Duration) {
	w.Header().Set("Content-Type", "text/event-stream")
	c := http.NewResponseController(w)
	for n := 1; r.Context().Err() == nil; n++ {
		fmt.Fprintf(w, "id: %d\nda", n)
		_ = c.Flush() // the next write fails too
		time.Sleep(pause)
		fmt.Fprintf(w, "ta: %d\n\n", n)
		_ = c.Flush()
		time.Sleep(pause)
	}
}

// echo upgrades and returns what comes.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
	w.WriteHeader(http.StatusSwitchingProtocols)
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	_, _ = io.Copy(c, c) // until one side closes
}

// started is a run in a process of its own.
type started struct {
	*proctest.Process
	front, probes, admin string
	app                  int
}

// startRun runs command, in which PORT stands for the program's port. A command
// that is the name of a program of ours is this binary.
func startRun(t *testing.T, flags []string, command ...string) *started {
	t.Helper()
	addr := func() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(proctest.FreePort(t))) }
	s := &started{front: addr(), probes: addr(), admin: addr(), app: proctest.FreePort(t)}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--listen", s.front, "--app", fmt.Sprintf("127.0.0.1:%d", s.app),
		"--probes", s.probes, "--admin", s.admin)
	cmd.Env = append(os.Environ(), asRun+"=1")
	cmd.Args = append(append(cmd.Args, flags...), "--")
	if _, ours := programs[command[0]]; ours {
		cmd.Env = append(cmd.Env, asProgram+"="+command[0])
		command[0] = os.Args[0]
	}
	for _, a := range command {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(a, "PORT", strconv.Itoa(s.app)))
	}
	s.Process = proctest.Start(t, cmd)
	return s
}

// patience is for what has to happen at all.
const patience = time.Minute

func (s *started) whenReady(t *testing.T) {
	t.Helper()
	s.WaitHTTP(patience, "http://"+s.probes+"/readyz", http.StatusOK)
}

// get sends a request on a connection of its own, so that nothing repeats it.
func get(url string) (status int, body string, err error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
