package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile writes result.json to the named file, whole or not at all, or to
// stdout if the name is "-". What is there and no regular file (a pipe, a
// device) is written to as it is.
func WriteFile(name string, stdout io.Writer, r Result) error { return write(name, stdout, r, JSON) }

// WriteHTML writes report.html as WriteFile writes result.json.
func WriteHTML(name string, stdout io.Writer, r Result) error { return write(name, stdout, r, HTML) }

// WriteJUnit writes the JUnit as WriteFile writes result.json.
func WriteJUnit(name string, stdout io.Writer, r Result) error { return write(name, stdout, r, JUnit) }

// WriteMarkdown writes the summary as WriteFile writes result.json.
func WriteMarkdown(name string, stdout io.Writer, r Result) error {
	return write(name, stdout, r, Markdown)
}

// WritePrometheus writes the figures as WriteFile writes result.json.
func WritePrometheus(name string, stdout io.Writer, r Result) error {
	return write(name, stdout, r, Prometheus)
}

func write(name string, stdout io.Writer, r Result, render func(io.Writer, Result) error) error {
	var buf bytes.Buffer
	if err := render(&buf, r); err != nil {
		return err
	}
	if name == "-" {
		if _, err := stdout.Write(buf.Bytes()); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		return nil
	}
	put := replace
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		put = writeThrough
	}
	if err := put(name, buf.Bytes()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func writeThrough(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// replace writes a file beside the named one and renames it.
func replace(name string, data []byte) (err error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target // replace what a link points at, not the link
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // may be closed already; the first error counts
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	// Readable like any file the user makes; CreateTemp gives 0600.
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
