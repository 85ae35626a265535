package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// secret is how an expanded value prints.
const secret = "***"

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expander resolves ${NAME} and file:PATH in scalar values.
type expander struct {
	dir string // that file:PATH is relative to
}

// expand returns the value of a scalar and whether any of it came from
// elsewhere. Whether a value is a file: reference is decided by what stands in
// the configuration: an environment variable cannot make one.
func (x expander) expand(text string) (value string, secret bool, err error) {
	value, secret, err = environment(text)
	if err != nil {
		return "", secret, err
	}
	if !strings.HasPrefix(text, "file:") {
		return value, secret, nil
	}
	value, err = x.file(strings.TrimPrefix(value, "file:"))
	return value, true, err
}

func environment(text string) (string, bool, error) {
	var b strings.Builder
	expanded := false
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String(), expanded, nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		m := reference.FindStringSubmatch(text[i:])
		if m == nil {
			return "", expanded, errors.New("found ${ that begins no reference, allowed: ${NAME} of letters, digits and _, or $${ for a literal ${")
		}
		v, ok := os.LookupEnv(m[1])
		if !ok {
			return "", true, fmt.Errorf("environment variable %s is not set", m[1])
		}
		b.WriteString(v)
		expanded = true
		text = text[i+len(m[0]):]
	}
}

// file returns the content of a file without the newline at its end.
func (x expander) file(path string) (string, error) {
	if path == "" {
		return "", errors.New("found file: without a path")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.dir, path)
	}
	data, err := readBounded(path, MaxValueBytes)
	if err != nil {
		return "", fmt.Errorf("value from a file: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
