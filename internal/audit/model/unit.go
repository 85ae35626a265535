package model

import (
	"path"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/audit/model/unit"
	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

// buildUnits adds services that systemd runs; what runs once is none.
func buildUnits(m *Model, files []*tree.File) {
	dropIns := map[string][]*tree.Node{} // by the unit's file, and by its name
	count := map[string]int{}
	for _, f := range files {
		if f.Format != tree.Unit {
			continue
		}
		if of, ok := strings.CutSuffix(path.Dir(f.Name), ".d"); ok {
			for _, root := range f.Roots() {
				for _, key := range []string{"in " + of, path.Base(of)} {
					dropIns[key] = append(dropIns[key], root.Get("Service"))
				}
			}
		} else {
			count[path.Base(f.Name)]++
		}
	}
	for _, f := range files {
		if f.Format != tree.Unit || strings.HasSuffix(path.Dir(f.Name), ".d") {
			continue
		}
		more := dropIns["in "+f.Name]
		if base := path.Base(f.Name); len(more) == 0 && count[base] == 1 {
			more = dropIns[base]
		}
		for _, root := range f.Roots() {
			m.unit(strings.TrimSuffix(path.Base(f.Name), ".service"), append([]*tree.Node{root.Get("Service")}, more...))
		}
	}
}

// unit adds the service that the sections say, drop-ins after the unit.
func (m *Model) unit(name string, sections []*tree.Node) {
	u := unit.New(sections)
	if u.Start == nil || u.Type.V == "oneshot" {
		return
	}
	m.Services = append(m.Services, &Service{Platform: Systemd, Kind: "unit", Name: name, Node: u.Node,
		Unit: u, Grace: u.Grace(), PreStop: value.Value[time.Duration]{State: value.Default, Name: "ExecStop"}, Replicas: value.Of("instances", 1)})
}
