package journey

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/history"
)

// request puts a step on the wire.
func (r *run) request(s request) (engine.Request, error) {
	req := engine.Request{Method: s.method, Fields: []engine.Field{{Name: "Accept-Encoding", Value: "identity"}}}
	var err error
	if req.Path, err = s.path.path(r.value); err != nil {
		return req, err
	}
	fields := map[string]string{}
	for _, set := range []map[string]Template{r.j.c.Header, s.header} {
		for name, t := range set {
			if fields[http.CanonicalHeaderKey(name)], err = t.field(r.value); err != nil {
				return req, err
			}
		}
	}
	if err := r.body(&req, s, fields); err != nil {
		return req, err
	}
	r.credential(fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		req.Fields = append(req.Fields, engine.Field{Name: name, Value: fields[name]})
	}
	return req, nil
}

func (r *run) body(req *engine.Request, s request, fields map[string]string) error {
	kind, body := "", ""
	var err error
	switch {
	case s.form != nil:
		form := url.Values{}
		for name, t := range s.form {
			v, err := t.expand(r.value, verbatim)
			if err != nil {
				return err
			}
			form.Set(name, v)
		}
		kind, body = "application/x-www-form-urlencoded", form.Encode()
	case s.json != nil:
		var b strings.Builder
		for i, name := range slices.Sorted(maps.Keys(s.json)) {
			v, err := s.json[name].expand(r.value, verbatim)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, `%s"%s":"%s"`, map[bool]string{true: ",", false: ""}[i > 0], inJSON(name), inJSON(v))
		}
		kind, body = "application/json", "{"+b.String()+"}"
	case !s.body.empty():
		kind = s.bodyKind()
		body, err = s.body.expand(r.value, s.bodyEscape())
	}
	if _, given := fields["Content-Type"]; kind != "" && !given {
		fields["Content-Type"] = kind
	}
	if body != "" {
		req.Body = []byte(body)
	}
	return err
}

// bodyKind is the Content-Type of a body that is sent as it is.
func (s *request) bodyKind() string {
	if begin := strings.TrimSpace(s.body.String()); strings.HasPrefix(begin, "{") || strings.HasPrefix(begin, "[") {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// bodyEscape is how values are put into such a body.
func (s *request) bodyEscape() func(string) string {
	if s.bodyKind() == "application/json" {
		return inJSON
	}
	return verbatim
}

// credential adds the header that opens the session, where there is one: the
// one that a replay presents, or the user's own, which a login leaves out.
func (r *run) credential(fields map[string]string) {
	for name, t := range r.j.c.Credential.Header {
		if r.op.Kind == history.Replay {
			fields[http.CanonicalHeaderKey(name)] = r.call.Cookie
			continue
		}
		if r.op.Kind == history.Login {
			continue
		}
		if v, err := t.field(r.value); err == nil {
			fields[http.CanonicalHeaderKey(name)] = v
		}
	}
}
