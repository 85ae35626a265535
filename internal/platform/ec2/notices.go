package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// Notices looks at the metadata in intervals and sends a notice when a Spot
// instance is to be stopped or terminated, and one when the Auto Scaling group
// terminates the instance; each once. The channel is closed after the end of
// ctx.
//
// Hibernation is no notice: the process goes on after it.
func (h *Host) Notices(ctx context.Context) <-chan host.Notice {
	c := make(chan host.Notice, 2) // both fit: nobody waits for a reader
	go func() {
		defer close(c)
		defer h.imds.close()
		tick := time.NewTicker(h.opt.Poll)
		defer tick.Stop()
		trouble := host.NewTrouble(h.log, "instance metadata", h.opt.Poll, max(time.Minute, h.opt.Poll))
		var spot, scaling bool
		for ctx.Err() == nil && (!spot || !scaling) {
			if now := time.Now(); trouble.Ready(now) {
				err := h.look(ctx, c, &spot, &scaling)
				h.note(ctx, trouble, err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		<-ctx.Done()
	}()
	return c
}

// look asks for what has not been sent yet.
func (h *Host) look(ctx context.Context, c chan<- host.Notice, spot, scaling *bool) error {
	var errs []error
	if !*spot {
		n, err := h.spot(ctx)
		if errs = append(errs, err); n != nil {
			*spot = true
			c <- *n
		}
	}
	if !*scaling {
		state, err := h.lifecycleState(ctx)
		if errs = append(errs, err); terminates(state) {
			*scaling = true
			c <- host.Notice{Reason: "auto scaling: " + state}
		}
	}
	return errors.Join(errs...)
}

// spot reads spot/instance-action, which is absent until two minutes before an
// interruption: {"action": "terminate", "time": "2017-09-18T08:22:00Z"}.
// Source: "Spot Instance interruption notices", Amazon EC2 User Guide.
func (h *Host) spot(ctx context.Context) (*host.Notice, error) {
	text, err := h.imds.item(ctx, "spot/instance-action")
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseSpot(text)
}

func parseSpot(text string) (*host.Notice, error) {
	var item struct{ Action, Time string }
	if err := json.Unmarshal([]byte(text), &item); err != nil {
		return nil, fmt.Errorf("spot/instance-action: %w", err)
	}
	switch item.Action {
	case "terminate", "stop":
	case "hibernate":
		return nil, nil
	default:
		return nil, fmt.Errorf("spot/instance-action: action %q", host.Line(item.Action))
	}
	// Older documents have it without the Z; it is UTC. The action counts also
	// without a time.
	at, _ := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(item.Time, "Z"))
	return &host.Notice{Reason: "spot interruption: " + item.Action, At: at}, nil
}

// lifecycleState reads autoscaling/target-lifecycle-state, which is absent on
// instances of no group. Source: "Retrieve the target lifecycle state through
// instance metadata", Amazon EC2 Auto Scaling User Guide.
func (h *Host) lifecycleState(ctx context.Context) (string, error) {
	state, err := h.imds.item(ctx, "autoscaling/target-lifecycle-state")
	if errors.Is(err, errAbsent) {
		return "", nil
	}
	return state, err
}

// terminates leaves out the states that a process comes back from: Standby,
// Detached, Warmed:Stopped, Warmed:Hibernated.
func terminates(state string) bool {
	return state == "Terminated" || state == "Warmed:Terminated"
}
