package audit

// Recognised reports whether anything was found in the files that rules look
// at: a service, a Kubernetes object, something of AWS, a Spring configuration,
// an image, a store.
func (r *Result) Recognised() bool {
	m := r.Model
	return len(m.Services)+len(m.Kube.Objects)+len(m.Spring)+len(m.Images)+len(m.Stores) > 0 ||
		len(m.AWS.Tasks)+len(m.AWS.TaskServices)+len(m.AWS.TargetGroups)+len(m.AWS.Balancers)+len(m.AWS.Scalings)+len(m.AWS.Providers) > 0
}
