package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

const (
	defaultGrace = 30 * time.Second  // stopTimeout, and ECS_CONTAINER_STOP_TIMEOUT on EC2
	fargateMost  = 120 * time.Second // of stopTimeout on Fargate
)

// task is what is read of the task's metadata.
type task struct {
	TaskARN    string
	Family     string
	Revision   string
	LaunchType string // EC2, FARGATE, EXTERNAL; empty before agent 1.45
}

func (h *Host) task(ctx context.Context) (task, error) {
	var t task
	body, err := host.Fetch(ctx, h.client, http.MethodGet, h.opt.Metadata+"/task", "", nil)
	if err == nil {
		err = json.Unmarshal(body, &t)
	}
	if err == nil && t.TaskARN == "" {
		err = errors.New("no TaskARN in it")
	}
	if err != nil {
		return task{}, fmt.Errorf("task metadata: %w", err)
	}
	return t, nil
}

// Grace is EVENKEEL_GRACE, at most what Fargate allows, or else what a container
// has whose task definition does not say: the metadata do not tell stopTimeout.
func (h *Host) Grace(ctx context.Context) (d time.Duration, from string, err error) {
	set, err := parseGrace(h.opt.Grace)
	switch {
	case err != nil:
		return 0, "", err
	case set == 0:
		return defaultGrace, "the default stopTimeout (ECS does not tell the task definition's: set EVENKEEL_GRACE to it)", nil
	case set <= fargateMost:
		return set, "EVENKEEL_GRACE", nil
	}
	t, err := h.task(ctx)
	switch {
	case err != nil:
		return set, fmt.Sprintf("EVENKEEL_GRACE (too much on Fargate; the launch type is unknown: %v)", err), nil
	case t.LaunchType == "FARGATE":
		return fargateMost, fmt.Sprintf("Fargate's most, not EVENKEEL_GRACE %v, of task definition %s", set, t.definition()), nil
	}
	return set, "EVENKEEL_GRACE", nil
}

func (t task) definition() string { return host.Line(t.Family + ":" + t.Revision) }

// parseGrace reads seconds or a duration; empty is 0.
func parseGrace(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if n, numErr := strconv.ParseUint(s, 10, 31); numErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("EVENKEEL_GRACE is %q, want the container's stopTimeout such as 60 or 60s", host.Line(s))
	}
	return d, nil
}
