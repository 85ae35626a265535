package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/internal/drill"
	"github.com/evenkeel/evenkeel/internal/drill/check"
	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
	"github.com/evenkeel/evenkeel/internal/drill/report"
	"github.com/evenkeel/evenkeel/internal/drill/screen"
)

// drill sends the users in and judges what became of them.
func (d *demo) drill(ctx context.Context, now *live, st *stage) (act, error) {
	p, plan := now.phase, newPlan(d.opt.Seed)
	length := p.length
	if length == 0 {
		length = openEnd
	}
	a := act{strategy: p.strategy, started: time.Now(), series: &report.Series{}}
	run, err := drill.New(drill.Options{
		Load: engine.Options{
			Targets:  []string{"http://" + st.address},
			Dialect:  engine.Probe{Secret: st.secret},
			Users:    d.opt.Users,
			Pace:     engine.Pace{Think: pace},
			Duration: length,
			Seed:     d.opt.Seed,
			Run:      fmt.Sprintf("%x.%d", d.opt.Seed, now.number), // tokens of two phases in one store
		},
		Control: d.opt.Control, Every: d.opt.Every,
		Actions: func(int) drill.Action { return st.replicas.action(plan.next(), "") },
		Asked:   now.asked,
		Observe: func(op history.Op) {
			a.series.Observe(op)
			now.times.observe(op)
			if op.Instance != "" {
				st.replicas.answered(op.Instance)
			}
		},
		Announce: now.events.add,
	})
	if err != nil {
		return act{}, err
	}
	now.set(st, run)
	stop := d.screen.Watch(ctx, func() screen.Picture { return d.view(now, st, run.Progress()) })
	a.result, err = run.Do(ctx)
	stop()
	if err != nil {
		return act{}, err
	}
	a.verdict = check.Judge(a.result.Outcome, check.RequiredDemo(), nil)
	return a, nil
}

// view gathers what the screen and the page show.
func (d *demo) view(now *live, st *stage, progress drill.Progress) view {
	c, load := progress.Check, progress.Load
	v := view{
		strategy: now.phase.strategy, elapsed: load.Elapsed, length: now.phase.length, address: d.address(),
		users: d.opt.Users, signedIn: int(load.Sessions), sent: int(load.Sent),
		lost: c.Bad[check.G1] + c.Suspect[check.G1], undone: c.Bad[check.G2] + c.Bad[check.G3] + c.Bad[check.G4] + c.Bad[check.G5],
		failed: c.Requests.Seen,
		// Which requests were inside a replica when it was killed is known at
		// the end; until then one for each kill is taken to be.
		atKills: min(c.Requests.Seen, now.events.kills()),
		late:    lateNow(progress),
	}
	if v.length > 0 {
		v.elapsed = min(v.elapsed, v.length)
	}
	v.events, v.log = now.events.lines()
	v.replicas = st.replicas.views()
	return v
}

// lateNow says why the drill is not a good witness at the moment.
func lateNow(now drill.Progress) string {
	if n := len(now.Health.Windows); n > 0 && now.Load.Elapsed-now.Health.Windows[n-1].To < 3*time.Second {
		return now.Health.Windows[n-1].Why
	}
	return ""
}
