package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/target"
)

// ErrState is the state file that cannot be used: unreadable, of another
// version, or another gateway's.
var ErrState = errors.New("state file")

const (
	stateVersion  = 1
	maxStateBytes = 16 << 20
)

// stateFile is what a gateway leaves to the next one.
type stateFile struct {
	Version int                   `json:"version"`
	Groups  map[string]groupState `json:"groups"`
}

// groupState is what is kept of a group, both by ID.
type groupState struct {
	Targets []targetState `json:"targets,omitempty"` // registered through the API
	Drains  []drainState  `json:"drains,omitempty"`  // of targets of any source
}

type targetState struct {
	ID          string `json:"id"`
	Address     string `json:"address"`
	Weight      int    `json:"weight"`
	Incarnation string `json:"incarnation,omitempty"`
}

func (t targetState) target() target.Target {
	return target.Target{ID: t.ID, Address: t.Address, Weight: t.Weight, Incarnation: t.Incarnation, Source: SourceAPI}
}

// drainState is a drain of the target that its first four fields name.
type drainState struct {
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Address     string    `json:"address"`
	Incarnation string    `json:"incarnation,omitempty"`
	Since       time.Time `json:"since"`            // from when the deregistration delay counts
	Remove      bool      `json:"remove,omitempty"` // the target leaves when it is empty
	Done        bool      `json:"done,omitempty"`   // it was empty, and gets nothing more
}

// of reports whether the drain is that of t.
func (d drainState) of(t target.Target) bool {
	return d.ID == t.ID && d.Source == t.Source && d.Address == t.Address && d.Incarnation == t.Incarnation
}

// decodeState accepts what encodeState writes and nothing else: state is never
// dropped because it could not be understood.
func decodeState(data []byte) (stateFile, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return stateFile{}, fmt.Errorf("damaged: %w", err)
	}
	if head.Version != stateVersion {
		return stateFile{}, fmt.Errorf("found version %d, allowed: %d", head.Version, stateVersion)
	}
	var s stateFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return stateFile{}, fmt.Errorf("damaged: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return stateFile{}, errors.New("damaged: something follows its end")
	}
	if s.Groups == nil {
		return stateFile{}, errors.New("damaged: no groups")
	}
	for name, grp := range s.Groups {
		if err := grp.validate(); err != nil || !groupName.MatchString(name) {
			return stateFile{}, fmt.Errorf("damaged: group %.80q: %w", name, or(err, errors.New("no such name")))
		}
	}
	return s, nil
}

func (g groupState) validate() error {
	targets, drains := map[string]bool{}, map[string]bool{}
	for _, t := range g.Targets {
		if err := validateTarget(t.target()); err != nil {
			return err
		}
		if targets[t.ID] {
			return fmt.Errorf("target %q is there twice", t.ID)
		}
		targets[t.ID] = true
	}
	for _, d := range g.Drains {
		if err := validateTarget(target.Target{ID: d.ID, Address: d.Address}); err != nil {
			return err
		}
		if drains[d.ID] {
			return fmt.Errorf("the drain of %q is there twice", d.ID)
		}
		if d.Since.IsZero() {
			return fmt.Errorf("the drain of %q has no beginning", d.ID)
		}
		drains[d.ID] = true
	}
	return nil
}

// encodeState is deterministic: the same state gives the same bytes.
func encodeState(s stateFile) ([]byte, error) {
	for _, grp := range s.Groups {
		slices.SortFunc(grp.Targets, func(a, b targetState) int { return strings.Compare(a.ID, b.ID) })
		slices.SortFunc(grp.Drains, func(a, b drainState) int { return strings.Compare(a.ID, b.ID) })
	}
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// readState reads the file at path; none is an empty state.
func readState(path string) (stateFile, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stateFile{Version: stateVersion, Groups: map[string]groupState{}}, nil
	}
	if err != nil {
		return stateFile{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxStateBytes {
		return stateFile{}, fmt.Errorf("found %v of %d bytes, allowed: a regular file of at most %d", info.Mode(), info.Size(), maxStateBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return stateFile{}, err
	}
	return decodeState(data)
}

// writeAtomic makes data the content of the file at path: after a crash at any
// moment it holds the old content or the new one, and after a return the new
// one.
func writeAtomic(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// removeLeftovers deletes what a writer that was killed left behind. The lock
// is held: nobody else writes.
func removeLeftovers(path string) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-*")) // a bad pattern finds none
	for _, name := range left {
		_ = os.Remove(name) // it only takes place
	}
}
