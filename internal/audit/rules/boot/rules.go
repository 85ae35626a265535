// Package boot has the rules of Spring Boot applications, and of Eureka that
// finds them. Rules do no I/O.
//
// Guarantees: those of [rule]; the order of Rules is that of the pages.
package boot

import "slices"

// Rules are those of Spring Boot and Eureka.
var Rules = slices.Concat(springRules, eurekaRules)
