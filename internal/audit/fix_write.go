package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// byteOrderMark is what some editors begin a file with. It is no part of what
// is read, and stays where it is.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Write puts the changed file in place of the one that was read, as a whole or
// not at all. A file that somebody else changed meanwhile stays as it is.
func (c Changed) Write() error {
	now, err := os.ReadFile(c.Name)
	if err != nil {
		return err
	}
	text, marked := bytes.CutPrefix(now, byteOrderMark)
	if !bytes.Equal(text, c.Before) {
		return fmt.Errorf("%s was changed by somebody else meanwhile, and stays as it is", c.Name)
	}
	after := c.After
	if marked {
		after = append(bytes.Clone(byteOrderMark), after...)
	}
	return replaceFile(c.Name, after)
}

// replaceFile writes a file beside the one at path and renames it. A symbolic
// link stays one, and the mode stays.
func replaceFile(path string, data []byte) (err error) {
	mode := fs.FileMode(0o644)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
