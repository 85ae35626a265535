package demo

import (
	"fmt"
	"strings"
)

// Strategy is a way of running a service that keeps its users signed in, or
// does not: where sessions live, how the balancer chooses, how replicas leave.
type Strategy struct {
	Name string
	// In plain words: what it does, and what that loses.
	Does, Loses string
	Sessions    Keeping
	Sticky      bool // the balancer sends a browser to the replica it used before
	Drained     bool // a replica that leaves gets time to finish
}

// Sentence is both, for where there is one line for it.
func (s Strategy) Sentence() string { return s.Does + " Loses: " + lower(s.Loses) }

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// Keeping is where a replica keeps sessions.
type Keeping string

// The ways of keeping sessions.
const (
	InMemory  Keeping = "memory"  // in the replica's process
	InBlob    Keeping = "blob"    // one value per session in the store, loaded and saved whole
	InLibrary Keeping = "library" // evenkeel's session library on the store
)

// Strategies are those that the demo knows, in the order in which `all` runs
// them.
var Strategies = []Strategy{
	{
		Name:     "memory",
		Does:     "Each replica keeps its own sessions, and the balancer takes turns.",
		Loses:    "People are signed out whenever another replica answers.",
		Sessions: InMemory,
	},
	{
		Name:     "sticky",
		Does:     "Each replica keeps its own sessions, and the balancer sends people back to the replica they know.",
		Loses:    "Whoever was on a replica that leaves is signed out and loses the cart.",
		Sessions: InMemory, Sticky: true,
	},
	{
		Name:     "sticky-drain",
		Does:     "As sticky, but a replica that leaves keeps the people it knows for 10 more seconds.",
		Loses:    "Whoever is still there then is signed out, and so is everybody on a replica that dies.",
		Sessions: InMemory, Sticky: true, Drained: true,
	},
	{
		Name:     "shared",
		Does:     "Sessions live in a store that all replicas share, loaded and saved as a whole.",
		Loses:    "Nobody is signed out, but two requests at once undo each other's changes.",
		Sessions: InBlob,
	},
	{
		Name:     "evenkeel",
		Does:     "Sessions live outside the replicas, a request changes only what it touched, and a replica that leaves finishes first.",
		Loses:    "Nothing, but for what a replica was answering in the moment it was killed.",
		Sessions: InLibrary, Drained: true,
	},
}

// StrategyNamed finds a strategy.
func StrategyNamed(name string) (Strategy, error) {
	for _, s := range Strategies {
		if s.Name == name {
			return s, nil
		}
	}
	return Strategy{}, fmt.Errorf("--strategy %s: there is no such strategy; there are %s", name, strings.Join(StrategyNames(), ", "))
}

// StrategyNames are the values that --strategy takes.
func StrategyNames() []string {
	var names []string
	for _, s := range Strategies {
		names = append(names, s.Name)
	}
	return append(names, "all")
}
