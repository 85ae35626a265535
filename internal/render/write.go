package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write puts files into dir, which is made. A file that is there already is an
// error unless force is set. No file is ever half written, and none is touched before
// all of them are on the disk.
func Write(dir string, files []File, force bool) (err error) {
	var there []string
	for _, f := range files {
		_, err := os.Lstat(f.path(dir))
		switch {
		case err == nil && !force:
			there = append(there, f.path(dir))
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("there already: %s; --force writes over them", strings.Join(there, ", "))
	}
	// Each is written beside its place first, so that what can fail has failed
	// before the first one is replaced.
	temporary := make([]string, 0, len(files))
	defer func() {
		for _, name := range temporary {
			if gone := os.Remove(name); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}()
	for _, f := range files {
		name, err := f.prepare(dir)
		if name != "" {
			temporary = append(temporary, name)
		}
		if err != nil {
			return err
		}
	}
	for i, f := range files {
		if err := os.Rename(temporary[i], f.path(dir)); err != nil {
			return err
		}
	}
	return nil
}

func (f File) path(dir string) string { return filepath.Join(dir, filepath.FromSlash(f.Name)) }

// prepare writes f beside its place and returns where.
func (f File) prepare(dir string) (string, error) {
	path := f.path(dir)
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a folder", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody to read, as sources are
		return "", err
	}
	t, err := os.CreateTemp(filepath.Dir(path), ".evenkeel-*")
	if err != nil {
		return "", err
	}
	_, err = t.Write(f.Data)
	return t.Name(), errors.Join(err, t.Chmod(0o644), t.Close())
}
