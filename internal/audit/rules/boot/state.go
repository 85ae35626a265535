package boot

import (
	"fmt"

	"github.com/evenkeel/evenkeel/internal/audit/edit"
	"github.com/evenkeel/evenkeel/internal/audit/model"
	"github.com/evenkeel/evenkeel/internal/audit/model/kube"
	"github.com/evenkeel/evenkeel/internal/audit/model/session"
	"github.com/evenkeel/evenkeel/internal/audit/model/spring"
	"github.com/evenkeel/evenkeel/internal/audit/rule"
)

// stateRules are the rules of where an application keeps its sessions.
var stateRules = []*rule.Rule{
	{
		ID: "EK-SPR-005", Severity: rule.Error, Autofix: rule.No, Surface: springSurface + " and the platform's replicas",
		Title: "several replicas, and sessions in the memory of each",
		Why: "A session lives in one JVM: a request that another replica answers finds nobody signed in, and every scale-in, rollout or crash signs " +
			"users out and loses their carts.",
		Fix:      "Keep sessions outside: spring-session-data-redis or spring-session-jdbc. If they are already, state session.store in evenkeel.yaml.",
		Sources:  []string{"Spring Boot: without a Spring Session library the servlet container's own sessions are used"},
		YieldsTo: []string{"EK-BUD-003"},
		Check:    func(p *rule.Pass) { Each(p, checkMemory) },
	},
	{
		ID: "EK-SPR-006", Severity: rule.Warn, Autofix: rule.Guided, Surface: springSurface + " and the pod's volumes",
		Title:   "sessions are saved to a disk that goes with the instance",
		Why:     "server.servlet.session.persistent writes sessions to a file when the instance stops. A new pod has an empty disk: everybody is signed out all the same.",
		Fix:     "Keep sessions in a store outside, and remove the property.",
		Sources: []string{"Spring Boot: Session.persistent, storeDir; the file is in the temporary folder by default"},
		Check:   func(p *rule.Pass) { Each(p, checkPersistent) },
	},
}

func checkMemory(s *model.Service, c *spring.Settings) *rule.Finding {
	used := c.SessionsUsed()
	if used == nil || s.Sessions.Home != session.Memory || s.Sessions.Source != spring.Source || !scales(s) {
		return nil
	}
	return &rule.Finding{Node: used, Message: fmt.Sprintf("%s runs in several replicas, and nothing names a store outside them for sessions", s)}
}

// scales reports whether there is more than one instance, always or at times.
func scales(s *model.Service) bool {
	return s.Replicas.Known() && s.Replicas.V > 1 || s.Workload != nil && s.Workload.Scaler != nil || s.Task != nil && s.Task.Scaling != nil
}

func checkPersistent(s *model.Service, c *spring.Settings) *rule.Finding {
	v := c.Bool("server.servlet.session.persistent", false)
	if !v.Written() || !v.V || s.Sessions.Home == session.External || s.Workload == nil || keepsDisk(s.Workload) {
		return nil
	}
	f := &rule.Finding{Node: v.Node, Message: fmt.Sprintf("sessions are saved to a file, but the pods of %s have no disk that stays", s)}
	f.Fix = rule.Ask("where shall sessions be kept?", rule.Choice{Title: "in memory only: remove server.servlet.session.persistent", Edits: edit.Remove(v.Node)})
	return f
}

// keepsDisk reports whether a volume of the pod outlives it.
func keepsDisk(w *kube.Workload) bool {
	for _, v := range w.Pod.Get("volumes").List() {
		for _, kind := range v.Fields() {
			switch kind.Key {
			case "name", "emptyDir", "configMap", "secret", "downwardAPI", "projected", "ephemeral":
			default:
				return true
			}
		}
	}
	return len(w.Spec().Get("volumeClaimTemplates").List()) > 0
}
