package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/internal/policy"
	"github.com/evenkeel/evenkeel/internal/render"
)

// initFlags are those of evenkeel init; what is not given is asked for, if
// there is somebody to ask.
type initFlags struct {
	service, store, requests, streams, out string
	routers                                []string
	force                                  bool
}

func newInit() *cobra.Command {
	var flags initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first evenkeel.yaml from three questions",
		Long: `Asks where the sessions live, how long the longest request and stream may take,
and what sends requests to the instances, and writes an evenkeel.yaml that says
what each line is for. Flags answer questions before they are asked; without a
terminal --store has to be given.`,
		Example: `  evenkeel init
  evenkeel init --store external --streams 5m --router ingress-nginx`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Lstat(flags.out); err == nil && !flags.force && flags.out != "-" {
				return usageError(fmt.Errorf("%s is there already; --force writes over it", flags.out))
			}
			who := person{out: cmd.ErrOrStderr()}
			if asksSomebody(cmd.InOrStdin()) {
				who.lines = linesOf(cmd.InOrStdin())
			}
			a, err := flags.answers(cmd.Context(), who)
			if errors.Is(err, context.Canceled) {
				return &exitError{code: exitInterrupted}
			}
			if err != nil {
				return usageError(err)
			}
			if err := flags.write(cmd.OutOrStdout(), a); err != nil {
				return usageError(err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.service, "service", "", "name of the service (default: that of the folder)")
	f.StringVar(&flags.store, "store", "", "where the sessions live: memory, external, or a URL; a password belongs into '${NAME}'")
	f.StringVar(&flags.requests, "requests", "", "the longest request that may finish (default 30s)")
	f.StringVar(&flags.streams, "streams", "", "the same for WebSockets and event streams (default 0s: there are none)")
	f.StringSliceVar(&flags.routers, "router", nil, "what sends requests (default kube-proxy): "+strings.Join(routers(), ", "))
	f.StringVarP(&flags.out, "output", "o", policy.FileName, "file to write; - is standard output")
	f.BoolVar(&flags.force, "force", false, "write over a file that is there")
	return cmd
}

func routers() []string { return new(policy.Router).Allowed() }

func asksSomebody(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// person is who answers questions; without lines there is nobody.
type person struct {
	lines <-chan string
	out   io.Writer
}

// linesOf reads until the end of in, or of the process: a read from a terminal
// cannot be called off.
func linesOf(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// answer is the next line.
func (p person) answer(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", io.ErrUnexpectedEOF
		}
		return strings.TrimSpace(line), nil
	case <-ctx.Done():
		return "", context.Canceled
	}
}

// question is asked until its answer is allowed.
type question struct {
	text, def string
	flag      string
	given     *string
	allowed   func(string) error
}

// answers takes the flags, asks for the others if somebody is there, and else
// takes defaults.
func (f *initFlags) answers(ctx context.Context, who person) (policy.Answers, error) {
	a := policy.Answers{Service: f.service}
	if a.Service == "" {
		a.Service = folderName()
	}
	router := strings.Join(f.routers, ",")
	questions := []question{
		{"Where do the sessions live? memory (in the process), external (somewhere that\noutlives it), or a URL such as redis://HOST:6379/0", "", "--store", &f.store, func(s string) error {
			a.Store = s
			return storeAllowed(s)
		}},
		{"How long may the longest request take?", "30s", "--requests", &f.requests, duration(&a.Requests)},
		{"And WebSockets and event streams, before they are cut? 0s: there are none", "0s", "--streams", &f.streams, duration(&a.Streams)},
		{"What sends requests to the instances? " + strings.Join(routers(), ", "), string(policy.KubeProxy), "--router", &router, func(s string) error {
			return routersOf(s, &a.Routers)
		}},
	}
	for _, q := range questions {
		if err := q.settle(ctx, who); err != nil {
			return a, err
		}
	}
	return a, nil
}

// settle takes the flag, the person's answer or the default.
func (q question) settle(ctx context.Context, who person) error {
	switch {
	case *q.given != "":
		if err := q.allowed(*q.given); err != nil {
			return fmt.Errorf("%s: %w", q.flag, err)
		}
		return nil
	case who.lines == nil && q.def == "":
		return fmt.Errorf("nobody to ask: give %s", q.flag)
	case who.lines == nil:
		return q.allowed(q.def)
	}
	for {
		fmt.Fprint(who.out, q.text)
		if q.def != "" {
			fmt.Fprintf(who.out, " [%s]", q.def)
		}
		fmt.Fprint(who.out, "\n> ")
		answer, err := who.answer(ctx)
		if err != nil {
			return fmt.Errorf("no answer; %s gives it: %w", q.flag, err)
		}
		if err = q.allowed(cmp.Or(answer, q.def)); err == nil {
			return nil
		}
		fmt.Fprintln(who.out, err)
	}
}

func storeAllowed(s string) error {
	if s == "" {
		return errors.New("allowed: memory, external, or a URL")
	}
	if _, rest, found := strings.Cut(s, "://"); found && strings.Contains(rest, "@") {
		return errors.New("the URL has a password in it, which does not belong into a file: put the URL into the environment and give '${NAME}'")
	}
	_, err := policy.First(policy.Answers{Service: "app", Store: s, Routers: []policy.Router{policy.KubeProxy}})
	return err
}

func duration(to *time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > 24*time.Hour {
			return fmt.Errorf("found %q, allowed: a duration such as 30s, 5m, at most 24h", s)
		}
		*to = d
		return nil
	}
}

func routersOf(s string, to *[]policy.Router) error {
	*to = nil
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		var r policy.Router
		if err := r.UnmarshalText([]byte(word)); err != nil {
			return fmt.Errorf("found %q, allowed: %s", word, strings.Join(routers(), ", "))
		}
		*to = append(*to, r)
	}
	if len(*to) == 0 {
		return fmt.Errorf("allowed: %s", strings.Join(routers(), ", "))
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// folderName is the working folder's name as a service's.
func folderName() string {
	wd, err := os.Getwd()
	if err != nil {
		return "app"
	}
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(wd)), "-"), "-0123456789")
	if name = strings.Trim(name[:min(len(name), 31)], "-"); name == "" {
		return "app"
	}
	return name
}

func (f *initFlags) write(out io.Writer, a policy.Answers) error {
	text, err := policy.First(a)
	if err != nil {
		return err
	}
	if f.out == "-" {
		_, err := out.Write(text)
		return err
	}
	file := render.File{Name: filepath.Base(f.out), Data: text}
	if err := render.Write(filepath.Dir(f.out), []render.File{file}, f.force); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is written. Next: evenkeel render kubernetes, evenkeel check\n", f.out)
	return nil
}
