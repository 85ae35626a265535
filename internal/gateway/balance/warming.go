package balance

import "math/rand/v2"

type warming struct {
	Picker
	share func(i int) float64
}

// Warming gives each target only the share of its turns that share returns, 0
// to 1; the others get the rest. It is for as long as there is a target whose
// share is below 1, and one whose is not. A policy that compares loads should
// be asked with [Inflated] ones too: an idle target would otherwise win each
// time that its turn is not denied.
func Warming(p Picker, share func(i int) float64) Picker { return warming{p, share} }

// Pick draws lots once per question of the policy, so a target that is
// denied is passed over like an excluded one. If nobody is left, nobody is
// denied.
func (p warming) Pick(except func(int) bool) (int, bool) {
	i, ok := p.Picker.Pick(func(i int) bool {
		if except != nil && except(i) {
			return true
		}
		s := p.share(i)
		return s < 1 && rand.Float64() >= s
	})
	if ok {
		return i, true
	}
	return p.Picker.Pick(except)
}

// Inflated is the load that a warming target with n requests in flight counts
// with: at half its share each of them counts twice.
func Inflated(n int, share float64) int {
	if share >= 1 {
		return n
	}
	return int(float64(n)/share + 0.5)
}
