package check

import "math"

// UpperBound is the one-sided 95 % upper confidence bound of Clopper and
// Pearson for the share of bad ones, after bad of n were bad: the p at which
// seeing bad or fewer has a probability of 5 %. For bad = 0 it is
// 1 - 0.05^(1/n), just below 3.00/n. Without exposures nothing is known: 1.
func UpperBound(bad, n int) float64 {
	switch {
	case n <= 0 || bad >= n:
		return 1
	case bad <= 0:
		return -math.Expm1(math.Log(alpha) / float64(n))
	}
	low, high := float64(bad)/float64(n), 1.0
	for range 60 {
		p := (low + high) / 2
		if binomialCDF(bad, n, p) > alpha {
			low = p
		} else {
			high = p
		}
	}
	return high
}

const alpha = 0.05

// binomialCDF is P(X <= k) for X ~ B(n, p) as the regularized incomplete beta
// function I_{1-p}(n-k, k+1).
func binomialCDF(k, n int, p float64) float64 {
	return incompleteBeta(float64(n-k), float64(k+1), 1-p)
}

// incompleteBeta is I_x(a, b) by its continued fraction, on the side where it
// converges (DLMF 8.17.22).
func incompleteBeta(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	return front * betaFraction(a, b, x) / a
}

// betaFraction evaluates the continued fraction by Lentz's method.
func betaFraction(a, b, x float64) float64 {
	const tiny, precision = 1e-300, 1e-14
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	h := d
	for m := 1.0; m < 1e5; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / away(1+even*d)
		c = away(1 + even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / away(1+odd*d)
		c = away(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < precision {
			break
		}
	}
	return h
}
