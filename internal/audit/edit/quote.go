package edit

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// style is the quotation mark that n is written with, 0 for none.
func style(f *tree.File, n *tree.Node) byte {
	if n.Start < n.End && n.End <= len(f.Data) {
		if c := f.Data[n.Start]; c == '"' || c == '\'' && f.Format == tree.YAML {
			return c
		}
	}
	return 0
}

// quote writes value in the language of a file, with the given quotation mark
// or, if it is 0 and value needs it, with one. text: it must be read as text.
func quote(format tree.Format, mark byte, value string, text bool) (string, bool) {
	switch format {
	case tree.YAML:
		return quoteYAML(mark, value, text), true
	case tree.JSON:
		if mark == 0 && !text && bareWord(value) {
			return value, true
		}
		return quoteJSON(value), true
	case tree.HCL:
		if mark == 0 && !text && bareWord(value) {
			return value, true
		}
		return quoteHCL(value), true
	case tree.Properties:
		escaped := strings.ReplaceAll(value, `\`, `\\`)
		if strings.HasPrefix(escaped, " ") {
			escaped = `\` + escaped
		}
		return escaped, true
	case tree.Dockerfile, tree.Unit:
		return value, value == strings.TrimSpace(value) && !strings.HasSuffix(value, `\`)
	case tree.Libraries:
	}
	return "", false
}

// bareWord reports whether value is a number, true, false or null.
func bareWord(value string) bool {
	return value == "true" || value == "false" || value == "null" ||
		strings.Trim(value, "0123456789.-") == "" && json.Valid([]byte(value))
}

func quoteYAML(mark byte, value string, text bool) string {
	switch mark {
	case '"':
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	case '\'':
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	if !plainYAML(value, text) {
		return quoteYAML('"', value, text)
	}
	return value
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// plainYAML reports whether YAML reads value as itself without quotes, in a block
// and between braces.
func plainYAML(value string, text bool) bool {
	switch {
	case value == "":
		return false
	case len(value) > 5 && strings.Trim(value, letters) == "", !text && len(value) < 6 && strings.Trim(value, "0123456789") == "": // the most there are
		return true
	}
	var y yaml.Node
	if err := yaml.Unmarshal([]byte("{k: "+value+"}"), &y); err != nil || len(y.Content) != 1 {
		return false
	}
	m := y.Content[0]
	if m.Kind != yaml.MappingNode || len(m.Content) != 2 {
		return false
	}
	v := m.Content[1]
	return v.Kind == yaml.ScalarNode && v.Value == value && v.Style == 0 && v.Anchor == "" &&
		v.LineComment == "" && (!text || v.ShortTag() == "!!str" && !oldBool(value))
}

// oldBool are words that readers of YAML 1.1 take for true or false.
func oldBool(value string) bool {
	switch strings.ToLower(value) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return false
}

func quoteJSON(value string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

func quoteHCL(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{").Replace(value) + `"`
}
