package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// download leaves a's folders in the folder to.
func (a application) download(ctx context.Context, to string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var from fs.FS
	switch a.from {
	case goModule:
		dir, err := goDownload(ctx, a.module+"@"+a.version)
		if err != nil {
			return err
		}
		from = os.DirFS(dir)
	case maven:
		archive, err := mavenCopy(ctx, a.module+":"+a.version)
		if err != nil {
			return err
		}
		from = archive
	default:
		return fmt.Errorf("no registry %q", a.from)
	}
	for _, p := range a.paths {
		if err := a.copy(from, p, to); err != nil {
			return err
		}
	}
	return nil
}

// goDownload asks the go command, in a folder without a module: the main
// module must not learn of it.
func goDownload(ctx context.Context, module string) (string, error) {
	dir, err := os.MkdirTemp("", "corpus-get-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil {
		return "", fmt.Errorf("go mod download %s: %w", module, errors.Join(err, jsonErr))
	}
	if answer.Error != "" || answer.Dir == "" {
		return "", fmt.Errorf("go mod download %s: %s", module, answer.Error)
	}
	return answer.Dir, nil
}

// mavenCopy asks mvn, which must be installed.
func mavenCopy(ctx context.Context, artifact string) (*zip.Reader, error) {
	dir, err := os.MkdirTemp("", "corpus-get-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy", "-Dartifact="+artifact, "-DoutputDirectory="+dir)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mvn dependency:copy %s: %w\n%.500s", artifact, err, out)
	}
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil || len(jars) != 1 {
		return nil, fmt.Errorf("mvn dependency:copy %s left %d archives", artifact, len(jars))
	}
	data, err := os.ReadFile(jars[0])
	if err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(data), int64(len(data)))
}

// copy copies a file or folder p of from to the folder to, at the same place.
// Links are left out: a module has none.
func (a application) copy(from fs.FS, p, to string) error {
	return fs.WalkDir(from, p, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		as := name
		if n, ok := a.rename[path.Base(name)]; ok {
			as = path.Join(path.Dir(name), n)
		}
		return copyFile(from, name, filepath.Join(to, filepath.FromSlash(as)))
	})
}

func copyFile(from fs.FS, name, to string) error {
	in, err := from.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// folders are a's paths as the page prints them.
func (a application) folders() string {
	all := slices.Clone(a.paths)
	for i, p := range all {
		all[i] = "`" + p + "`"
	}
	return strings.Join(all, ", ")
}
