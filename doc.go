// Package evenkeel is the map of the repository; it holds no code.
//
// evenkeel keeps users signed in and their requests unbroken while instances
// come and go. Two principles as software, and a proof:
//
//	session/              sessions for net/http that live outside the instance
//	  memstore/           in one process
//	  sqlitestore/        in a file, for all processes of one machine (own module)
//	  redisstore/         in Redis, Valkey, ElastiCache (own module)
//	  sessiontest/        the contract that every store passes
//	drain/                one process's way out: serving, withdrawing, draining, stopped
//	probe/                the drill's contract as an http.Handler
//	internal/config/      strict YAML with positions, ${VAR} and file: values
//	internal/target/      target, group, state: the vocabulary
//	internal/upstream/    the HTTP/1.1 engine towards one target
//	internal/gateway/     the session-aware reverse proxy
//	internal/runner/      `evenkeel run`: a proxy in front of a program, and its way out
//	internal/platform/    what Kubernetes, ECS, EC2 and systemd tell us, and what we can tell them
//	internal/policy/      evenkeel.yaml, and what follows from it for each platform
//	internal/render/      the files that say it
//	internal/audit/       `evenkeel check`: files into one tree, one model, rules, reports, fixes
//	internal/drill/       virtual users, their histories, the checkers, the verdict
//	internal/demo/        the shop, its replicas and the run that `evenkeel demo` shows
//	internal/proctest/    real processes for tests
//	internal/redistest/   real Redis servers for tests
//	cmd/evenkeel/         the command
//	cmd/evenkeel-run/     `evenkeel run` alone, for images
//
// Four ways through it:
//
//	a request   client -> internal/gateway (route, affinity, pick, forward)
//	            -> drain.Drainer.Handler -> session.Manager.Handler -> application
//	            -> commit before the first byte -> session.Store
//	a scale-in  SIGTERM or an API call -> drain.Drainer.Run: withdraw, drain, stop
//	            -> the gateway marks the target draining and reports empty
//	an audit    files -> internal/audit/source -> internal/audit/model, by platform below it
//	            -> internal/audit/rules, by family below it
//	            -> internal/audit/report, or edits of the files
//	a verdict   internal/drill/engine -> history.Op -> internal/drill/check
//	            -> internal/drill/report
//
// `session`, `session/sqlitestore` and `drain` are modules of their own, so
// that a service inherits nothing of the tool. What may import what is written
// in deps_test.go and enforced by it.
package evenkeel
