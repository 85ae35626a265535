// Package config reads strict YAML for people: unknown keys are errors, and
// every error names file, line, column, key, what was found and what is
// allowed, all of a file at once.
//
//	type File struct {
//		Listen string        `yaml:"listen,required"`
//		Idle   time.Duration `yaml:"idle_timeout"` // 30s, 5m
//		Mode   target.OnDraining `yaml:"on_draining"` // a TextUnmarshaler with Allowed()
//		Routes []Route       `yaml:"routes,many"`  // one item may stand without a list
//		Base `yaml:",inline"`                      // an embedded struct whose keys stand among these
//		Services []Service `yaml:"services,from=defaults"` // each begins as the value of the key defaults
//		Other Elsewhere `yaml:"other"`             // anything: who reads it checks it
//	}
//	f := File{Idle: time.Minute} // defaults
//	err := config.Load("evenkeel.yaml", &f)
//
// Scalar values may refer to the environment, ${NAME} ($${ is a literal ${),
// or be the content of a file, file:PATH, relative to the configuration file.
//
// Guarantees: on error the destination is unchanged; an expanded value never
// appears in an error or in [Masked]; aliases, depth and sizes are bounded.
//
// Not guaranteed: YAML's merge keys, several documents in one file, and tags of
// one's own are refused.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of what is read.
const (
	MaxFileBytes  = 1 << 20  // of a configuration file
	MaxValueBytes = 64 << 10 // of a file:PATH value
	maxDepth      = 64
	maxNodes      = 100_000 // after aliases are followed
	maxProblems   = 50      // reported for one file
)

// Load reads the file at path into v, a pointer to a struct that holds the
// defaults, or to a slice.
func Load(path string, v any) error {
	data, err := readBounded(path, MaxFileBytes)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data, v)
}

// Parse is Load for data that came from the file called name.
func Parse(name string, data []byte, v any) error {
	dst := reflect.ValueOf(v)
	if dst.Kind() != reflect.Pointer || dst.IsNil() || dst.Elem().Kind() != reflect.Struct && dst.Elem().Kind() != reflect.Slice {
		return fmt.Errorf("config: destination is %T, want a pointer to a struct or a slice", v)
	}
	root, err := parse(name, data)
	if err != nil {
		return err
	}
	d := &decoder{file: name, expander: expander{dir: filepath.Dir(name)}}
	fresh := reflect.New(dst.Elem().Type()).Elem()
	fresh.Set(dst.Elem())
	d.decode(root, "", fresh, 0)
	if err := d.problems.err(); err != nil {
		return err
	}
	dst.Elem().Set(fresh)
	return nil
}

// parse returns the one document's root node.
func parse(name string, data []byte) (*yaml.Node, error) {
	if len(data) > MaxFileBytes {
		return nil, &Error{File: name, Msg: fmt.Sprintf("%d bytes, allowed: at most %d", len(data), MaxFileBytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Error{File: name, Line: 1, Column: 1, Msg: "the file is empty, allowed: a mapping"}
	} else if err != nil {
		return nil, syntaxError(name, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, &Error{File: name, Line: second.Line, Column: second.Column, Msg: "found a second document (---), allowed: one"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(name, err)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil, &Error{File: name, Line: 1, Column: 1, Msg: "the file is empty, allowed: a mapping"}
	}
	return root, nil
}

// syntaxError gives the YAML parser's message our form: it begins with
// "yaml: line N:" when it knows the line.
func syntaxError(name string, err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{File: name, Msg: "not valid YAML: " + msg}
	var line int
	if n, _ := fmt.Sscanf(msg, "line %d:", &line); n == 1 {
		e.Line = line
		_, rest, _ := strings.Cut(msg, ": ")
		e.Msg = "not valid YAML: " + rest
	}
	return e
}

// FindUp returns the path of the file called name in startDir or the nearest
// of its parents. If there is none the error wraps fs.ErrNotExist and says
// where it looked.
func FindUp(name, startDir string) (string, error) {
	start, err := filepath.Abs(startDir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return path, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("find %s: %w", name, err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s in %s or its parent folders: %w", name, start, fs.ErrNotExist)
		}
	}
}

// readBounded reads a regular file; a pipe or device could block for ever.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, nil
}
