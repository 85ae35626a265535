package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Width is that of every table.
const Width = 80

// Machine says where figures were measured.
type Machine struct {
	OS       string `json:"os"`
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Go       string `json:"go"`
	LoadFrom string `json:"load_average"` // when the run began: others disturb
}

// ThisMachine describes this one, as far as it can be known.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m.CPU = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), ":"))
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.LoadFrom = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return m
}

// String is one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores (%s), %s, load %s", m.OS, m.Cores, m.CPU, m.Go, m.LoadFrom)
}

// Table prints rows under a title, if it has one. The first column is aligned left, the
// others right; a row shorter than the head is filled up with "-".
func Table(w io.Writer, title string, head []string, rows [][]string) {
	widths := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(w)
	if title != "" {
		fmt.Fprintln(w, title)
	}
	for _, row := range all {
		var b strings.Builder
		for i, width := range widths {
			cell := "-"
			if i < len(row) {
				cell = row[i]
			}
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// Save writes v as JSON to name in the folder, which it makes.
func Save(folder, name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(folder, name), append(b, '\n'), 0o644)
}
