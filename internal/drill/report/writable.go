package report

import (
	"errors"
	"os"
	"path/filepath"
)

// Writable tells before a run whether WriteFile can write the named file after
// it. The file is not made, and one that is there is not changed.
func Writable(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	info, before := os.Stat(path)
	if before == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil // a pipe or a device: opening it is part of writing
	}
	made := path
	if to, err := os.Readlink(path); before != nil && err == nil { // a link to what is not there
		if made = to; !filepath.IsAbs(to) {
			made = filepath.Join(filepath.Dir(path), to)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return errors.Unwrap(err)
	}
	if before != nil { // it was not there, and is not yet
		return errors.Join(f.Close(), os.Remove(made))
	}
	return f.Close()
}
