package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/internal/config"
	"github.com/evenkeel/evenkeel/internal/policy"
	"github.com/evenkeel/evenkeel/internal/render"
)

// renderFlags are those of evenkeel render.
type renderFlags struct {
	config, service, dir string
	force, numbers       bool
}

func newRender() *cobra.Command {
	var flags renderFlags
	var about strings.Builder
	for _, t := range render.Targets() {
		fmt.Fprintf(&about, "  %-14s %s\n", t.Name, t.About)
	}
	cmd := &cobra.Command{
		Use:   "render TARGET…",
		Short: "Write evenkeel.yaml as the files of a platform",
		Long: `Works out every number that a platform needs from evenkeel.yaml and writes its
files. Comments in them show the arithmetic. No password of the session store
is written. A policy that does not fit the platform is an error with the sum.

` + about.String(),
		Example: `  evenkeel render kubernetes
  evenkeel render kubernetes ingress-nginx -o deploy
  evenkeel render ecs --numbers`,
		Args:      cobra.MinimumNArgs(1),
		ValidArgs: render.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.run(cmd.OutOrStdout(), args); err != nil {
				return usageError(err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.config, "config", "c", "", "configuration file (default: evenkeel.yaml here or in a parent folder)")
	f.StringVarP(&flags.dir, "output", "o", "", "folder to write into (default: standard output)")
	f.StringVar(&flags.service, "service", "", "of several services only this one")
	f.BoolVar(&flags.force, "force", false, "write over files that are there")
	f.BoolVar(&flags.numbers, "numbers", false, "print the numbers with their arithmetic, not the files")
	if err := cmd.MarkFlagFilename("config"); err != nil {
		panic(err) // the flag is defined above
	}
	if err := cmd.MarkFlagDirname("output"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (f *renderFlags) run(out io.Writer, targets []string) error {
	for _, t := range targets {
		if !slices.Contains(render.Names(), t) {
			return fmt.Errorf("no target %q, allowed: %s", t, strings.Join(render.Names(), ", "))
		}
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	p, services, err := f.policy()
	if err != nil {
		return err
	}
	if f.numbers {
		return printNumbers(out, targets, p, services)
	}
	var files []render.File
	for _, s := range services {
		more, err := render.Render(targets, p, s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		for i := range more {
			if folder := strings.ToLower(s.Name) + "/"; len(p.Services) > 1 && !strings.HasPrefix(more[i].Name, folder) {
				more[i].Name = folder + more[i].Name
			}
		}
		files = append(files, more...)
	}
	if f.dir == "" {
		return printFiles(out, files)
	}
	if err := render.Write(f.dir, files, f.force); err != nil {
		return err
	}
	for _, file := range files {
		fmt.Fprintln(out, filepath.Join(f.dir, file.Name))
	}
	return nil
}

// policy reads the file and picks the services.
func (f *renderFlags) policy() (*policy.Policy, []*policy.Service, error) {
	path := f.config
	if path == "" {
		found, err := config.FindUp(policy.FileName, ".")
		if err != nil {
			return nil, nil, fmt.Errorf("%w: give one with -c, or write one with evenkeel init", err)
		}
		path = policy.Short(found)
	}
	p, err := policy.Load(path)
	if err != nil {
		return nil, nil, err
	}
	var picked []*policy.Service
	var names []string
	for i := range p.Services {
		s := &p.Services[i]
		names = append(names, s.Name)
		if f.service == "" || strings.EqualFold(f.service, s.Name) {
			picked = append(picked, s)
		}
	}
	if len(picked) == 0 {
		return nil, nil, fmt.Errorf("--service: no %q in %s, allowed: %s", f.service, path, strings.Join(names, ", "))
	}
	return p, picked, nil
}

// printFiles separates several files by comments with their names.
func printFiles(out io.Writer, files []render.File) error {
	var errs []error
	for i, f := range files {
		if len(files) > 1 {
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "# %s\n", f.Name)
		}
		_, err := out.Write(f.Data)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func printNumbers(out io.Writer, targets []string, p *policy.Policy, services []*policy.Service) error {
	for _, s := range services {
		for _, t := range targets {
			numbers, err := render.Numbers(t, targets, p, s)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Path, err)
			}
			fmt.Fprintf(out, "%s\n", strings.TrimSpace(s.Name+" "+t))
			for _, n := range numbers {
				fmt.Fprintf(out, "  %s\n", n)
			}
		}
	}
	return nil
}
