// Package manifests reads what evenkeel render writes by the types of those who
// have to take it: Kubernetes' and AWS' own. Its tests are all there is; they
// stand in a module of their own, so that the main one does not inherit these
// dependencies.
package manifests
