package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// creating serialises the creation of files in this process: closing any
// descriptor of a file drops all of the process's POSIX locks on it, so the
// descriptor that creates the file must be closed before SQLite opens it. For
// the same reason nothing here ever opens a file that exists already.
var creating sync.Mutex

// prepareFile checks the folder, creates the file with mode 0600 if there is
// none, and returns what is at the path.
func prepareFile(path string, opt Options) (fs.FileInfo, error) {
	if err := checkFolder(filepath.Dir(path), opt); err != nil {
		return nil, err
	}
	creating.Lock()
	defer creating.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is no regular file", ErrForeignFile, path)
	case exposed(info, 0o007):
		return nil, fmt.Errorf("%w: %s has mode %#o: chmod 600 it (660 to share it with a group)", ErrExposed, path, info.Mode().Perm())
	}
	return info, nil
}

// create makes an empty file, which is a valid empty SQLite database.
func create(path string) (fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err == nil { // else another process was faster
		if err := errors.Join(f.Close(), syncFolder(filepath.Dir(path))); err != nil {
			return nil, err
		}
	}
	return os.Stat(path)
}

// syncFolder makes the new file's name survive a power loss; SQLite does the
// same for its log.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func checkFolder(dir string, opt Options) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("sqlitestore: folder of the session file: %w: create it with mode 700", err)
	case err != nil:
		return fmt.Errorf("sqlitestore: folder of the session file: %w", err)
	case !info.IsDir():
		return fmt.Errorf("sqlitestore: %s is not a folder", dir)
	case exposed(info, 0o002) && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%w: anybody can replace files in %s (mode %#o): chmod o-w it or use another folder", ErrExposed, dir, info.Mode().Perm())
	}
	if opt.AllowNetworkFilesystem {
		return nil
	}
	name, network, err := networkFilesystem(dir)
	switch {
	case err != nil:
		return fmt.Errorf("sqlitestore: file system of %s: %w", dir, err)
	case network:
		return fmt.Errorf("%w: %s is on %s, where SQLite's locks do not hold: use a local disk (or see Options.AllowNetworkFilesystem)", ErrNetworkFilesystem, dir, name)
	}
	return nil
}

// exposed tells whether any of the permission bits is granted. Windows has no
// such bits and reports some anyway.
func exposed(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&bits != 0
}
