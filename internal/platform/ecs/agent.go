package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// answer of the agent's task-protection endpoint: one of the three. Formats
// from "Amazon ECS task scale-in protection endpoint", Amazon ECS Developer
// Guide.
type answer struct {
	Protection *struct {
		ProtectionEnabled bool
	} `json:"protection"`
	Failure *struct {
		Reason string
		Detail string
	} `json:"failure"`
	Error *struct {
		Code    string
		Message string
	} `json:"error"`
}

// refusal is what the agent or ECS has said instead of doing it.
type refusal struct{ code, message string }

// Error implements error.
func (r *refusal) Error() string {
	if r.message == "" {
		return host.Line(r.code)
	}
	return host.Line(r.code + ": " + r.message)
}

// Kind is what host.Trouble tells refusals apart by.
func (r *refusal) Kind() string { return r.code }

// protect calls the agent, and believes only an answer that says what was
// asked for.
func (h *Host) protect(ctx context.Context, on bool) error {
	body := `{"ProtectionEnabled":false}`
	if on {
		body = fmt.Sprintf(`{"ProtectionEnabled":true,"ExpiresInMinutes":%d}`, expires/time.Minute)
	}
	got, err := host.Fetch(ctx, h.client, http.MethodPut, h.opt.Agent+"/task-protection/v1/state", body,
		http.Header{"Content-Type": {"application/json"}})
	if err != nil && host.Status(err) == 0 {
		return err
	}
	if said := parse(got, on); said != nil && (err == nil || isRefusal(said)) {
		return said
	}
	return err
}

// parse is nil if the answer says that protection is as wanted.
func parse(body []byte, on bool) error {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("the agent's answer: %w", err)
	}
	switch {
	case a.Failure != nil:
		return &refusal{a.Failure.Reason, a.Failure.Detail}
	case a.Error != nil:
		return &refusal{a.Error.Code, a.Error.Message}
	case a.Protection == nil:
		return errors.New("the agent's answer holds neither protection nor failure nor error")
	case a.Protection.ProtectionEnabled != on:
		return fmt.Errorf("the agent's answer: protection is %t, not %t", a.Protection.ProtectionEnabled, on)
	}
	return nil
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// needs says what to do about a refusal.
func needs(err error) []slog.Attr {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return nil
	}
	switch r.code {
	case "AccessDeniedException":
		return []slog.Attr{slog.String("needs", "ecs:GetTaskProtection and ecs:UpdateTaskProtection in the task role")}
	case "TASK_NOT_VALID":
		return []slog.Attr{slog.String("needs", "a task of a service")}
	}
	return nil
}
