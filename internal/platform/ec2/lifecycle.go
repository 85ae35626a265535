package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/evenkeel/evenkeel/internal/platform/host"
)

// remoteClient is for a service of AWS, which may be behind a proxy, other than
// what the platform has on the spot.
func remoteClient() *http.Client {
	c := host.Client(nil)
	c.Transport.(*http.Transport).Proxy = http.ProxyFromEnvironment
	return c
}

// complete calls CompleteLifecycleAction. Parameters: Amazon EC2 Auto Scaling
// API Reference, version 2011-01-01.
func (h *Host) complete(ctx context.Context) error {
	region, server, err := h.service(ctx)
	if err != nil {
		return err
	}
	instance, err := h.imds.item(ctx, "instance-id")
	if err != nil {
		return err
	}
	group, err := h.group(ctx)
	if err != nil {
		return err
	}
	creds, err := h.credentials(ctx)
	if err != nil {
		return err
	}
	body := url.Values{
		"Action": {"CompleteLifecycleAction"}, "Version": {"2011-01-01"},
		"AutoScalingGroupName": {group}, "LifecycleHookName": {h.opt.Hook},
		"InstanceId": {instance}, "LifecycleActionResult": {"CONTINUE"},
	}.Encode()
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	creds.sign(header, http.MethodPost, u.Host, body, region, "autoscaling", h.now())
	answer, err := host.Fetch(ctx, h.remote, http.MethodPost, server+"/", body, header)
	if err = refused(err, answer); nothingToComplete(err) {
		h.log.Info("there is no lifecycle action to complete", "hook", h.opt.Hook, "group", group)
		return nil
	}
	if err != nil {
		return fmt.Errorf("complete the lifecycle action: %w", err)
	}
	if !strings.Contains(string(answer), "<CompleteLifecycleActionResponse") {
		return errors.New("complete the lifecycle action: the answer is of another kind")
	}
	h.log.Info("the lifecycle action is completed", "hook", h.opt.Hook, "group", group)
	return nil
}

// name is what a region or a domain looks like. Credentials sign a call to a
// host that is made of them.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$`)

// service is where Auto Scaling is reached.
func (h *Host) service(ctx context.Context) (region, server string, err error) {
	region, err = h.imds.item(ctx, "placement/region")
	if err != nil {
		return "", "", err
	}
	domain, err := h.imds.item(ctx, "services/domain") // amazonaws.com, amazonaws.com.cn
	if err != nil {
		return "", "", err
	}
	if !name.MatchString(region) || !name.MatchString(domain) {
		return "", "", fmt.Errorf("instance metadata: region %q, domain %q", host.Line(region), host.Line(domain))
	}
	if h.opt.AutoScaling != "" {
		return region, strings.TrimSuffix(h.opt.AutoScaling, "/"), nil
	}
	return region, "https://autoscaling." + region + "." + domain, nil
}

func (h *Host) group(ctx context.Context) (string, error) {
	if h.opt.Group != "" {
		return h.opt.Group, nil
	}
	group, err := h.imds.item(ctx, "tags/instance/aws:autoscaling:groupName")
	if err != nil {
		return "", fmt.Errorf("set EVENKEEL_EC2_AUTO_SCALING_GROUP, or allow tags in instance metadata: %w", err)
	}
	return group, nil
}

// credentials are the instance role's. Source: "Retrieve security credentials
// from instance metadata", Amazon EC2 User Guide.
func (h *Host) credentials(ctx context.Context) (credentials, error) {
	const path = "iam/security-credentials/"
	roles, err := h.imds.item(ctx, path)
	if err != nil {
		return credentials{}, fmt.Errorf("the instance has no role: %w", err)
	}
	role, _, _ := strings.Cut(roles, "\n")
	text, err := h.imds.item(ctx, path+url.PathEscape(strings.TrimSpace(role)))
	if err != nil {
		return credentials{}, err
	}
	return parseCredentials(text)
}

// parseCredentials has errors without the text: it is secret.
func parseCredentials(text string) (credentials, error) {
	var c struct {
		Code            string
		ID              string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
	}
	if json.Unmarshal([]byte(text), &c) != nil {
		return credentials{}, errors.New("the role's credentials are not JSON")
	}
	if c.Code != "Success" || c.ID == "" || c.SecretAccessKey == "" {
		return credentials{}, fmt.Errorf("the role has no credentials: code %q", host.Line(c.Code))
	}
	if strings.ContainsFunc(c.ID+c.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return credentials{}, errors.New("the role's credentials hold what no header may")
	}
	return credentials{c.ID, c.SecretAccessKey, c.Token}, nil
}

// refusal is an error of the service; code tells refusals apart.
type refusal struct {
	code string
	err  error
}

// Error implements error.
func (r *refusal) Error() string { return r.err.Error() }

// Kind is for host.Trouble.
func (r *refusal) Kind() string { return r.code }

// Unwrap is the answer's status.
func (r *refusal) Unwrap() error { return r.err }

// refused takes the code and the message out of
// <ErrorResponse><Error><Code>…</Code><Message>…</Message></Error></ErrorResponse>.
func refused(err error, answer []byte) error {
	code, message := between(string(answer), "<Code>", "</Code>"), between(string(answer), "<Message>", "</Message>")
	if host.Status(err) == 0 || code == "" {
		return err
	}
	return &refusal{host.Line(code), &host.StatusError{Code: host.Status(err), Body: host.Line(code + ": " + message)}}
}

// nothingToComplete is the answer when nobody waits: the hook's time is over, or
// a call whose answer was lost has done it.
func nothingToComplete(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && r.code == "ValidationError" && strings.Contains(r.Error(), "No active Lifecycle Action")
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, found := strings.Cut(s, to)
	if !found {
		return ""
	}
	return s
}
