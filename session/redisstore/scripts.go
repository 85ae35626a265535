package redisstore

import (
	"embed"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/session"
	"github.com/evenkeel/evenkeel/session/redisstore/internal/link"
)

// Each script is a concatenation of files, in the order in which it runs.
var (
	loadFiles       = []string{"record", "generation", "pack", "load"}
	inspectFiles    = []string{"record", "pack", "inspect"}
	commitFiles     = []string{"record", "generation", "writes", "change", "parts", "accept", "merge", "limits", "commit"}
	invalidateFiles = []string{"record", "generation", "writes", "change", "bury", "accept", "invalidate"}
	destroyFiles    = []string{"record", "generation", "writes", "bury", "destroy"}
)

//go:embed scripts/*.lua
var sources embed.FS

// scripts are the operations on one session.
type scripts struct {
	load, inspect, commit, invalidate, destroy *link.Script
}

// newScripts makes the scripts of the sources as edit returns them.
func newScripts(edit func(source string) string) scripts {
	script := func(files []string) *link.Script { return link.NewScript(edit(source(files))) }
	return scripts{
		load:       script(loadFiles),
		inspect:    script(inspectFiles),
		commit:     script(commitFiles),
		invalidate: script(invalidateFiles),
		destroy:    script(destroyFiles),
	}
}

// source puts files together, behind the constants of package session.
func source(files []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "local FORMAT, MAX_WRITES, MAX_SUPERSEDED = '%d', %d, %d\n",
		session.Format, session.MaxWrites, session.MaxSuperseded)
	fmt.Fprintf(&b, "local RENEWAL_GRACE, UNCONFIRMED_LIFE, TOMBSTONE_LIFE = %d, %d, %d\n",
		session.RenewalGrace.Milliseconds(), session.UnconfirmedLife.Milliseconds(), session.TombstoneLife.Milliseconds())
	for _, name := range files {
		text, err := sources.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err) // a file that the list names is embedded
		}
		b.WriteString("\n-- " + name + ".lua\n\n")
		b.Write(text)
	}
	return b.String()
}
