package journey

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/config"
)

// Accounts are who the users are at the service: rows of a CSV file, or names
// made of a template. The zero value is u0, u1, … with an empty password.
type Accounts struct {
	// CSV has a header line; each column is a variable. "user" must be there;
	// "marker" is what the marker shows where that is not the user.
	CSV      string        `yaml:"csv"`
	User     Template      `yaml:"user"`   // of {{n}}, the number of the user
	Marker   Template      `yaml:"marker"` // what the marker shows; "" is the user
	Password config.Secret `yaml:"password"`
	Pos      config.Pos    `yaml:"-"`

	header []string
	rows   [][]string
}

const maxAccounts = 1 << 20

// Validate implements config.Validator.
func (a *Accounts) Validate(at config.At) {
	if a.CSV == "" {
		for key, t := range map[string]Template{"user": a.User, "marker": a.Marker} {
			for _, name := range t.names() {
				if name != "n" && (name != "user" || key == "user") {
					at.Errorf(key, "found {{%s}}, allowed: {{n}}, the number of the user", name)
				}
			}
		}
		if !a.User.empty() && !slices.Contains(a.User.names(), "n") {
			at.Errorf("user", "found one name for all, allowed: a name with {{n}}, the number of the user")
		}
		return
	}
	if at.Has("user") || at.Has("marker") || at.Has("password") {
		at.Errorf("csv", "found with user, marker or password, allowed: csv alone, with these as columns")
		return
	}
	path := a.CSV
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(a.Pos.File), path)
	}
	if err := a.read(path); err != nil {
		at.Errorf("csv", "%v, allowed: a CSV file whose first line names the columns: user,password,…", err)
	}
}

func (a *Accounts) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if !isName(header[i]) || slices.Contains(header[:i], header[i]) {
			return fmt.Errorf("%s: column %q is not a name, or there twice", path, name)
		}
	}
	if !slices.Contains(header, "user") {
		return fmt.Errorf("%s: no column user", path)
	}
	a.header = header
	users := map[string]int{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line, _ := r.FieldPos(0)
		name := row[slices.Index(header, "user")]
		if first := users[name]; name == "" || first > 0 {
			return fmt.Errorf("%s: line %d: the user is empty, or in line %d already", path, line, first)
		}
		users[name] = line
		if len(a.rows) == maxAccounts {
			return fmt.Errorf("%s: more than %d lines", path, maxAccounts)
		}
		a.rows = append(a.rows, row)
	}
	if len(a.rows) == 0 {
		return fmt.Errorf("%s: no line after the first", path)
	}
	return nil
}

// variables are those that accounts give.
func (a *Accounts) variables() map[string]bool {
	if a.CSV == "" {
		return map[string]bool{"n": true, "user": true, "password": true}
	}
	out := map[string]bool{"n": true}
	for _, name := range a.header {
		out[name] = true
	}
	return out
}

// Most is how many users there are accounts for; 0 is any number.
func (a *Accounts) Most() int { return len(a.rows) }

// value is a variable of the n-th account.
func (a *Accounts) value(n int, name string) (string, bool) {
	if a.CSV != "" {
		if i := slices.Index(a.header, name); i >= 0 && n < len(a.rows) {
			return a.rows[n][i], true
		}
	}
	switch name {
	case "n":
		return fmt.Sprint(n), true
	case "password":
		return a.Password.Reveal(), a.CSV == ""
	case "user":
		if a.User.empty() {
			return fmt.Sprintf("u%d", n), a.CSV == ""
		}
		s, err := a.User.expand(func(string) (string, bool) { return fmt.Sprint(n), true }, verbatim)
		return s, err == nil
	}
	return "", false
}

// shown is what the marker shows for the n-th account.
func (a *Accounts) shown(n int) string {
	user, _ := a.value(n, "user")
	if a.CSV != "" {
		if s, ok := a.value(n, "marker"); ok {
			return s
		}
		return user
	}
	if a.Marker.empty() {
		return user
	}
	s, err := a.Marker.expand(func(name string) (string, bool) {
		return a.value(n, name)
	}, verbatim)
	if err != nil {
		return user
	}
	return s
}
