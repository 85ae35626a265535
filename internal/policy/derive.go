package policy

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/drain"
)

// Windows are how long routers may go on sending after an instance was
// withdrawn: a bit more than the slowest that was seen. kube-proxy syncs once a
// second, ingress-nginx every 3.3 s (--sync-rate-limit 0.3), the AWS controller
// has to tell the balancer, which was seen sending for seconds, and Eureka's
// caches add up to 30 + 30 + 35 s. An ALB has no window of its own: it learns
// of it by its health checks, see [Health.Detection].
var Windows = map[Router]time.Duration{
	KubeProxy: 5 * time.Second, IngressNginx: 8 * time.Second, GatewayAPI: 5 * time.Second,
	AWSController: 20 * time.Second, Eureka: 95 * time.Second,
}

// Number is a setting that follows from the policy.
type Number struct {
	Name  string // as the platform calls it
	Value int    // seconds, if the platform counts them
	How   string // the arithmetic in words, without the name
}

// String is "NAME VALUE: ARITHMETIC".
func (n Number) String() string { return fmt.Sprintf("%s %d: %s", n.Name, n.Value, n.How) }

// Numbers lists the fields of kind Number of a struct, as they are declared;
// those that are not used are left out.
func Numbers(of any) (all []Number) {
	for _, field := range reflect.ValueOf(of).Fields() {
		if n, ok := reflect.TypeAssert[Number](field); ok && n.Name != "" {
			all = append(all, n)
		}
	}
	return all
}

// Derived is what follows from a policy for one service, on any platform.
type Derived struct {
	Service  Service // resolved
	Policy   *Policy
	Withdraw Number

	withdraw, requests, streams, flush time.Duration
}

// Derive works out what follows for the service s of the policy; nil is a
// service of which nothing is stated.
func (p *Policy) Derive(s *Service) *Derived {
	if s == nil {
		s = &Service{}
	}
	d := &Derived{Service: s.Resolved(), Policy: p}
	if len(d.Service.Routers) == 0 {
		d.Service.Routers = []Router{KubeProxy}
	}
	d.Withdraw = d.window()
	b := s.Budget()
	d.requests = or(b.Requests, drain.DefaultRequests)
	d.streams = or(b.Streams, drain.DefaultStreams)
	d.flush = or(b.Flush, drain.DefaultFlush)
	return d
}

// or is d, none for drain.None, or def for the zero value.
func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(0, d)
}

// window is withdraw as stated, or the longest window of the routers.
func (d *Derived) window() Number {
	n := Number{Name: "withdraw"}
	if w := d.Service.Shutdown.Withdraw; w != nil {
		d.withdraw = *w
		n.Value, n.How = whole(*w), "shutdown.withdraw "+seconds(*w)
		return n
	}
	var said []string
	for _, r := range d.Service.Routers {
		w, text := Windows[r], ""
		if r == ALB {
			w = d.Service.Health.Detection()
			text = fmt.Sprintf(" (health interval %s * %d failures)", seconds(d.Service.Health.Interval), d.Service.Health.Unhealthy)
		}
		d.withdraw = max(d.withdraw, w)
		said = append(said, string(r)+" "+seconds(w)+text)
	}
	n.Value, n.How = whole(d.withdraw), strings.Join(said, ", ")
	if len(said) > 1 {
		n.How = "the longest of " + n.How
	}
	return n
}

// Budget is the whole way out, every part set.
func (d *Derived) Budget() drain.Budget {
	none := func(v time.Duration) time.Duration {
		if v == 0 {
			return drain.None
		}
		return v
	}
	return drain.Budget{Withdraw: none(d.withdraw), Requests: none(d.requests), Streams: none(d.streams), Flush: none(d.flush)}
}

// Needed is the whole way out with its margin.
func (d *Derived) Needed() Number {
	return sum("way out", append(d.way(), d.leaving()...)...).margin().number()
}

// way is the withdrawal as a term.
func (d *Derived) way() []term { return []term{{"withdraw " + seconds(d.withdraw), d.withdraw}} }

// busy is how long requests and streams may take, side by side.
func (d *Derived) busy() term {
	return term{fmt.Sprintf("max(requests %s, streams %s)", seconds(d.requests), seconds(d.streams)), max(d.requests, d.streams)}
}

// leaving is what an instance does after it was withdrawn.
func (d *Derived) leaving() []term {
	return []term{d.busy(), {"flush " + seconds(d.flush), d.flush}}
}

// term is one summand with its name.
type term struct {
	text string
	d    time.Duration
}

// total is a sum on its way to a Number.
type total struct {
	name  string
	terms []term
	d     time.Duration
}

func sum(name string, terms ...term) total {
	t := total{name: name}
	for _, one := range terms {
		t = t.plus(one)
	}
	return t
}

func (t total) plus(one term) total {
	t.terms, t.d = append(slices.Clip(t.terms), one), t.d+one.d
	return t
}

// margin adds what a busy machine needs: that of the time budget for the sum.
func (t total) margin() total {
	m := Margin(t.d)
	return t.plus(term{"margin " + seconds(m), m})
}

// Margin is the time budget's for a sum: 10 %, at least 2 s, at most 5 s.
func Margin(sum time.Duration) time.Duration {
	return drain.Budget{Withdraw: or(sum, drain.None), Requests: drain.None, Streams: drain.None, Flush: drain.None}.Margin()
}

// text is "withdraw 8 s + flush 5 s = 13 s".
func (t total) text() string {
	if len(t.terms) == 1 {
		return t.terms[0].text
	}
	parts := make([]string, len(t.terms))
	for i, one := range t.terms {
		parts[i] = one.text
	}
	return strings.Join(parts, " + ") + " = " + seconds(t.d)
}

// number rounds up to whole seconds.
func (t total) number() Number {
	n := Number{Name: t.name, Value: whole(t.d), How: t.text()}
	if time.Duration(n.Value)*time.Second != t.d {
		n.How += ", rounded up"
	}
	return n
}

// atLeast is number, but not less than least.
func (t total) atLeast(least time.Duration, why string) Number {
	n := t.number()
	if t.d < least {
		n.Value = whole(least)
		n.How += ", at least " + seconds(least) + why
	}
	return n
}

// LimitError says that a policy needs more than a platform gives.
type LimitError struct {
	Setting string // of the platform
	How     string // the arithmetic
	Limit   string
	Do      string // what to do
}

// Error prints the arithmetic.
func (e *LimitError) Error() string {
	text := fmt.Sprintf("%s: %s > %s", e.Setting, e.How, e.Limit)
	if e.Do != "" {
		text += "; " + e.Do
	}
	return text
}

// within is an error if t is longer than limit.
func (t total) within(limit time.Duration, of, do string) error {
	if t.d <= limit {
		return nil
	}
	return &LimitError{Setting: t.name, How: t.text(), Limit: of + " " + seconds(limit), Do: do}
}

func whole(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// seconds prints as platforms count: "30 s", "1.5 s".
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}
