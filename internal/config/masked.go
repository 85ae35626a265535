package config

import (
	"fmt"
	"log/slog"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Masked returns the document as it was written, with every value that refers
// to the environment or to a file replaced by ***. It reads neither.
func Masked(name string, data []byte) ([]byte, error) {
	root, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	mask(root)
	out, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("%s: print: %w", name, err)
	}
	return out, nil
}

// mask does not follow aliases: what they refer to is masked where it stands.
func mask(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && refers(n.Value) {
		n.Value, n.Tag, n.Style = secret, "!!str", yaml.DoubleQuotedStyle
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		mask(c)
	}
}

// refers reports whether a scalar is anything but literal.
func refers(text string) bool {
	return strings.HasPrefix(text, "file:") || strings.Contains(strings.ReplaceAll(text, "$${", ""), "${")
}

// Secret is a string that prints as *** wherever it is formatted, logged or
// marshalled; use it for fields that hold credentials.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String returns *** for any value but the empty one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return secret
}

// GoString is String.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
