// Package host has the rules of what starts a program on its host: Dockerfiles
// and units of systemd. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package host

import "slices"

// Rules are those of images and units.
var Rules = slices.Concat(imageRules, unitRules)
