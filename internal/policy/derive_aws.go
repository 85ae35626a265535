package policy

import (
	"fmt"
	"time"
)

// ECSNumbers are those of a task definition, a service and its target group.
type ECSNumbers struct {
	StopTimeout         Number
	DeregistrationDelay Number
	ScaleInCooldown     Number
	HealthCheckGrace    Number
	HealthInterval      Number
	LameDuck            Number // after the SIGTERM of a Spot interruption; only there
}

// ALBNumbers are those of a balancer and of the target group's stickiness.
type ALBNumbers struct {
	IdleTimeout Number
	KeepAlive   Number // the target's, which must be longer
	Stickiness  Number // only where sessions have to stay
}

// Limits of AWS: Fargate's stopTimeout and the notice of Spot are 120 s, of
// which 5 s are kept for the news to arrive.
const (
	fargateStop      = 120 * time.Second
	spotNotice       = 120 * time.Second
	spotUsable       = spotNotice - 5*time.Second
	maxDelay         = 3600 * time.Second
	leastALBInterval = 5 * time.Second
	maxIdle          = 4000 * time.Second
	usualIdle        = 60 * time.Second
	maxStickiness    = 7 * 24 * time.Hour
)

// ECS works out what follows for a service on Fargate behind an ALB. There the
// scheduler deregisters a task and waits for the whole delay before SIGTERM; a
// Spot interruption sends SIGTERM first. The error is a *LimitError, or says
// what Spot needs.
func (d *Derived) ECS() (ECSNumbers, error) {
	var e ECSNumbers
	h := d.Service.Health
	if h.Interval < leastALBInterval {
		return e, fmt.Errorf("health.interval %s: an ALB asks every 5 s to 300 s", seconds(h.Interval))
	}
	if h.Healthy < 2 || h.Unhealthy < 2 {
		return e, fmt.Errorf("health.healthy %d, health.unhealthy %d: an ALB counts from 2 to 10", h.Healthy, h.Unhealthy)
	}
	e.HealthInterval = Number{Name: "health check interval", Value: whole(h.Interval), How: "health.interval " + seconds(h.Interval)}
	var err error
	if e.DeregistrationDelay, err = d.Deregistration(); err != nil {
		return e, err
	}
	if e.StopTimeout, err = d.stop(); err != nil {
		return e, err
	}
	if d.Policy.Spot {
		if e.LameDuck, err = d.spot(e.DeregistrationDelay); err != nil {
			return e, err
		}
		e.StopTimeout.Value = whole(spotNotice)
		e.StopTimeout.How = "all of the notice that Fargate Spot gives"
	}
	e.ScaleInCooldown = sum("scale_in_cooldown", secondsTerm(e.DeregistrationDelay, "deregistration_delay"), secondsTerm(e.StopTimeout, "stopTimeout")).number()
	e.HealthCheckGrace = sum("health_check_grace_period_seconds", term{"start " + seconds(*d.Service.Start), *d.Service.Start}, registration(h)).margin().number()
	return e, nil
}

// Deregistration is how long a balancer leaves a target its requests and
// streams. The error is a *LimitError.
func (d *Derived) Deregistration() (Number, error) {
	t := sum("deregistration_delay", d.busy()).margin()
	return t.number(), t.within(maxDelay, "ELB's", "")
}

func secondsTerm(n Number, name string) term {
	return term{name + " " + secs(n.Value), time.Duration(n.Value) * time.Second}
}

// stop is the time between SIGTERM and SIGKILL. A program that serves on after
// SIGTERM needs that time too.
func (d *Derived) stop() (Number, error) {
	terms := d.leaving()
	if d.Service.Shutdown.LameDuck {
		terms = append(d.way(), terms...)
	}
	t := sum("stopTimeout", terms...).margin()
	if err := t.within(fargateStop, "Fargate's", "take less for requests and streams, or run on EC2"); err != nil {
		return Number{}, err
	}
	return t.number(), nil
}

// spot checks the way out of a Spot interruption: SIGTERM comes first, and the
// balancer notices by its health checks.
func (d *Derived) spot(delay Number) (Number, error) {
	if !d.Service.Shutdown.LameDuck {
		return Number{}, fmt.Errorf("spot: true needs shutdown.lame_duck: true: a Spot interruption sends SIGTERM while the balancer still sends requests, so the program has to serve on; `evenkeel run` and package drain do")
	}
	h := d.Service.Health
	lame := sum("lame duck", append([]term{{fmt.Sprintf("health interval %s * %d failures", seconds(h.Interval), h.Unhealthy), h.Detection()}}, d.way()...)...)
	all := lame
	all.name = "lame duck and what must finish"
	for _, t := range d.leaving() {
		all = all.plus(t)
	}
	if err := all.within(spotUsable, "Fargate Spot's notice less 5 s,", "take less for requests and streams"); err != nil {
		return Number{}, err
	}
	both := sum("deregistration_delay and what must finish", append([]term{secondsTerm(delay, "deregistration_delay")}, d.leaving()...)...).margin()
	if err := both.within(spotNotice, "Fargate Spot's notice", "take less for requests and streams"); err != nil {
		return Number{}, err
	}
	return lame.number(), nil
}

// ALB works out what follows for the balancer. The error is a *LimitError: a
// balancer that keeps idle connections longer than its targets answers 502.
func (d *Derived) ALB() (ALBNumbers, error) {
	var a ALBNumbers
	idle := sum("idle_timeout", term{"requests " + seconds(d.requests), d.requests}).margin()
	if err := idle.within(maxIdle, "an ALB's", ""); err != nil {
		return a, err
	}
	a.IdleTimeout = idle.atLeast(usualIdle, ", the balancer's own")
	a.KeepAlive = sum("keep-alive of the program", secondsTerm(a.IdleTimeout, "idle_timeout"), term{"15 s", 15 * time.Second}).number()
	if k := d.Service.KeepAlive; k != nil {
		if *k > 0 && whole(*k) <= a.IdleTimeout.Value {
			return a, &LimitError{Setting: "idle_timeout", How: a.IdleTimeout.How, Limit: "keep_alive " + seconds(*k),
				Do: "the program has to keep idle connections longer than the balancer, else requests meet closed ones (502)"}
		}
		a.KeepAlive = Number{Name: a.KeepAlive.Name, Value: whole(*k), How: "keep_alive " + seconds(*k)}
	}
	if d.Sticky() {
		a.Stickiness = d.stickiness()
	}
	return a, nil
}

// Sticky reports whether a user has to come back to the same instance, or the
// policy asks for it.
func (d *Derived) Sticky() bool {
	m := d.Service.Affinity.Mode
	return d.Service.Session.Home() == "memory" || m != "" && m != AffinityNone
}

func (d *Derived) stickiness() Number {
	life := d.Service.Session.Lifetime()
	n := Number{Name: "stickiness duration", Value: whole(min(life, maxStickiness)), How: "as long as a session may live, " + seconds(life)}
	if life > maxStickiness {
		n.How += ", but at most 7 days, the balancer's longest"
	}
	return n
}
