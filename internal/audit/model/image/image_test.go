package image

import (
	"testing"

	"github.com/evenkeel/evenkeel/internal/audit/model/value"
	"github.com/evenkeel/evenkeel/internal/audit/source"
	"github.com/evenkeel/evenkeel/internal/audit/tree"
)

func TestImages(t *testing.T) {
	for text, want := range map[string]Image{
		"FROM debian:12\nSTOPSIGNAL 3\nCMD a\n":                  {Base: "debian:12", Shell: "dash", Stop: value.Value[string]{V: "QUIT"}},
		"FROM alpine AS a\nSTOPSIGNAL term\nFROM a\nEXPOSE 80\n": {Base: "alpine", Shell: "busybox", Exposed: true, Stop: value.Value[string]{V: "TERM"}},
		"FROM node:20-alpine\n":                                  {Base: "node:20-alpine", Shell: "busybox"},
		"FROM registry.access.redhat.com/ubi9/openjdk-21\n":      {Base: "registry.access.redhat.com/ubi9/openjdk-21"},
		"FROM openjdk:17\n":                                      {Base: "openjdk:17", Shell: "bash"},
		"FROM openjdk:11-jre\n":                                  {Base: "openjdk:11-jre", Shell: "dash"},
		"FROM ubuntu:24.04\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nCMD a\n": {Base: "ubuntu:24.04", Shell: "bash"},
		"FROM $X\n":             {},
		"FROM a AS a\nFROM a\n": {Base: "a"},
	} {
		f, notes := source.Parse("Dockerfile", tree.Dockerfile, []byte(text))
		if len(notes) > 0 {
			t.Fatal(notes)
		}
		all := Read([]*tree.File{f})
		if len(all) != 1 {
			t.Fatalf("%q: %d images", text, len(all))
		}
		got := all[0]
		if got.Base != want.Base || got.Shell != want.Shell || got.Exposed != want.Exposed || got.Stop.V != want.Stop.V {
			t.Errorf("%q: base %q, shell %q, exposed %t, stop %q", text, got.Base, got.Shell, got.Exposed, got.Stop.V)
		}
	}
}
