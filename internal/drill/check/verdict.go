package check

import "slices"

// Verdict is what a run amounts to.
type Verdict string

// The verdicts, in order of precedence.
const (
	VerdictFail         Verdict = "fail"
	VerdictEventFailed  Verdict = "event_failed"
	VerdictInconclusive Verdict = "inconclusive"
	VerdictNotExercised Verdict = "not_exercised"
	VerdictPass         Verdict = "pass"
)

// ExitCode is that of the command: 1, 4, 3, 3 and 0.
func (v Verdict) ExitCode() int {
	switch v {
	case VerdictPass:
		return 0
	case VerdictFail:
		return 1
	case VerdictEventFailed:
		return 4
	case VerdictInconclusive, VerdictNotExercised:
		return 3
	default:
		return 3
	}
}

// Tier is how much a service offers the drill.
type Tier uint8

// The tiers.
const (
	TierMarker  Tier = 1 + iota // T1: a login and a page that says who
	TierJourney                 // T2: also a write and a read
	TierProbe                   // T3: the probe
)

// Required are the guarantees that a drill against a service of the tier has
// to exercise.
func Required(tier Tier) []ID {
	switch tier {
	case TierMarker:
		return []ID{G1, G6, G8, G9, G10}
	case TierJourney:
		return []ID{G1, G2, G3, G4, G6, G8, G9, G10, G12}
	case TierProbe:
		return IDs()
	default:
		return IDs()
	}
}

// RequiredDemo are the guarantees that the demo has to exercise.
func RequiredDemo() []ID {
	return []ID{G1, G2, G3, G4, G5, G6, G8, G9, G10, G12}
}

// Judge is the verdict over an outcome. A violation of any guarantee fails,
// required or not. allowed are guarantees of required that may be left
// unexercised.
func Judge(o Outcome, required, allowed []ID) Verdict {
	switch {
	case slices.ContainsFunc(o.Guarantees, func(g Guarantee) bool { return g.Status == Fail }):
		return VerdictFail
	case slices.ContainsFunc(o.Events, func(e Event) bool { return e.Err != "" }):
		return VerdictEventFailed
	case len(o.Inconclusive) > 0:
		return VerdictInconclusive
	case len(Unexercised(o, required, allowed)) > 0:
		return VerdictNotExercised
	}
	return VerdictPass
}

// Unexercised are the guarantees of required that were not exercised and are
// not allowed to be.
func Unexercised(o Outcome, required, allowed []ID) []ID {
	var missing []ID
	for _, id := range required {
		if !slices.Contains(allowed, id) && o.Guarantee(id).Status != Pass && o.Guarantee(id).Status != Fail {
			missing = append(missing, id)
		}
	}
	return missing
}
