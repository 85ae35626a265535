package plan

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/internal/drill/engine"
	"github.com/evenkeel/evenkeel/internal/drill/markup"
)

// InitOptions say how an https address is trusted; the zero value is by the
// system's roots.
type InitOptions struct {
	CA       string // a file of certificates in PEM
	Insecure bool   // whatever the certificate is
}

// security is that of the drill.yaml, and its lines there.
func (o InitOptions) security() (conf *tls.Config, lines string, err error) {
	switch {
	case o.CA != "" && o.Insecure:
		return nil, "", errors.New("found a file of certificates and insecure, allowed: one of them")
	case o.Insecure:
		return &tls.Config{InsecureSkipVerify: true}, "tls: {insecure: true}\n", nil
	case o.CA == "":
		return nil, "", nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, "", fmt.Errorf("found no certificate in %s, allowed: a file of certificates in PEM", o.CA)
	}
	path, err := filepath.Abs(o.CA)
	return &tls.Config{RootCAs: roots}, "tls: {ca: " + quoted(path) + "}\n", err
}

// Init looks at the login page at an address and returns a first drill.yaml for
// it, with comments on what has to be filled in. Where no page is to be had
// there (401, 405, or an answer that is no HTML) it is one for an API. An error
// wraps engine.ErrTarget if there is nothing to sign in by.
func Init(ctx context.Context, address string, opt InitOptions) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || !isTarget(u.Scheme+"://"+u.Host) || u.User != nil {
		return nil, fmt.Errorf("found %q, allowed: the address of a login page, such as https://shop.example.com/login", address)
	}
	target := u.Scheme + "://" + u.Host
	conf, security, err := opt.security()
	if err != nil {
		return nil, err
	}
	c, err := engine.NewClient([]string{target}, engine.NewClock(), engine.ClientOptions{TLS: conf})
	if err != nil {
		return nil, err
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	page, err := fetch(ctx, c, path)
	if err != nil {
		return nil, err
	}
	login, err := loginSteps(c, page)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, first, quoted(target), security, login), nil
}

// page is what an address answered.
type page struct {
	path string
	html bool // with a status of success
	body []byte
}

// fetch gets a page, through redirects within the host.
func fetch(ctx context.Context, c *engine.Client, path string) (page, error) {
	user := c.User()
	defer user.Close()
	for range 5 {
		x, err := user.Do(ctx, engine.Request{Method: "GET", Path: path, Fields: []engine.Field{{Name: "Accept", Value: "text/html,*/*"}, {Name: "Accept-Encoding", Value: "identity"}}})
		switch {
		case err != nil:
			return page{}, err
		case x.Err != nil:
			return page{}, unanswered(ctx, path, x.Err)
		case !engine.IsRedirect(x.Status):
			if x.Status >= 400 && x.Status != 401 && x.Status != 405 {
				return page{}, fmt.Errorf("%w: %s answers %d; give the address of the login page", engine.ErrTarget, path, x.Status)
			}
			kind := cmp.Or(x.Header.Get("Content-Type"), http.DetectContentType(x.Body))
			return page{path, x.Status < 400 && strings.Contains(kind, "html"), x.Body}, nil
		}
		next, err := c.Within(path, x.Header.Get("Location"))
		if err != nil {
			return page{}, fmt.Errorf("%w: %s: %w", engine.ErrTarget, path, err)
		}
		path = next
	}
	return page{}, fmt.Errorf("%w: too many redirects, the last to %s", engine.ErrTarget, path)
}

// unanswered says why there is no page.
func unanswered(ctx context.Context, path string, err error) error {
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: %s: %w; trust it with --ca FILE, or whatever it is with --insecure", engine.ErrTarget, path, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %s: %w", engine.ErrTarget, path, context.Cause(ctx))
	}
	return fmt.Errorf("%w: %s: %w", engine.ErrTarget, path, err)
}

// loginSteps are the steps of the login in YAML.
func loginSteps(c *engine.Client, at page) (string, error) {
	path := at.path
	forms := markup.Forms(at.body)
	i := slices.IndexFunc(forms, func(f markup.Form) bool { return f.Has("password") })
	if i < 0 && at.html {
		return "", fmt.Errorf("%w: %s has no form with a password; give the address of the login page, or where a script signs in, the address that it sends the password to", engine.ErrTarget, path)
	}
	if i < 0 {
		return fmt.Sprintf(`    # %s is no page with a form, so this is a guess at an API.
    - post: %s
      json: {user: "{{user}}", password: "{{password}}"}
      # pick: {bearer: json:token}          # then add: credential: {header: {Authorization: "Bearer {{bearer}}"}}
`, oneLine(path), quotedPath(path)), nil
	}
	form := forms[i]
	action := path
	if form.Action != "" {
		var err error
		if action, err = c.Within(path, form.Action); err != nil {
			return "", fmt.Errorf("%w: the form of %s: %w", engine.ErrTarget, path, err)
		}
	}
	picks, fields := formFields(form, forms[:i])
	var b strings.Builder
	if len(picks) > 0 {
		fmt.Fprintf(&b, "    - get: %s\n      pick:                               # hidden fields of the form, new for each login\n", quotedPath(path))
		for _, p := range picks {
			fmt.Fprintf(&b, "        %s: %s\n", p.name, quoted(p.value))
		}
	}
	if form.Method != "POST" {
		b.WriteString("    # A script sends this form: see in the browser what to and how.\n")
	}
	fmt.Fprintf(&b, "    - post: %s\n      form:\n", quotedPath(action))
	for _, f := range fields {
		fmt.Fprintf(&b, "        %s: %s\n", quoted(f.name), quoted(f.value))
	}
	return b.String(), nil
}

type entry struct{ name, value string }

// formFields says what is sent for each field, and which have to be picked from
// the page before. Earlier forms may have fields of the same names.
func formFields(form markup.Form, earlier []markup.Form) (picks, fields []entry) {
	named := false // the field that says who has been found
	for _, f := range form.Fields {
		switch f.Type {
		case "password":
			fields = append(fields, entry{f.Name, "{{password}}"})
		case "hidden":
			quote := `"`
			if strings.Contains(f.Name, quote) {
				quote = `'`
			}
			selector := "input[name=" + quote + f.Name + quote + "]@value"
			if slices.ContainsFunc(earlier, func(e markup.Form) bool { return e.Field(f.Name) }) {
				selector = form.Selector() + " " + selector
			}
			if _, err := markup.ParseSelector(selector); err != nil {
				continue
			}
			name := fmt.Sprintf("hidden%d", len(picks)+1)
			picks = append(picks, entry{name, "css:" + selector})
			fields = append(fields, entry{f.Name, "{{" + name + "}}"})
		case "text", "email", "tel", "search":
			if !named {
				fields = append(fields, entry{f.Name, "{{user}}"})
			}
			named = true
		}
	}
	return picks, fields
}

// quoted is a text as a scalar of YAML on one line, which refers to nothing.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.ReplaceAll(oneLine(s), "${", "$${")); err != nil {
		return `""` // a string always can be
	}
	return strings.TrimSpace(b.String())
}

// quotedPath is a path in which nothing is a variable or ends it.
func quotedPath(path string) string {
	return quoted(strings.NewReplacer("{", "%7B", " ", "%20", "#", "%23", "\t", "%09").Replace(path))
}

// oneLine drops what is not printable.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd {
			return -1
		}
		return r
	}, s)
}

const first = `version: 1
target: %s
%susers: 20
think: 500ms                            # of a user between two operations; or rate: 100/s for all together
duration: 60s
control: 15s                            # before the first event

journey:
  # Who the users are: test accounts, all with one password, or a file with one
  # on each line: accounts: {csv: accounts.csv}, its first line user,password.
  accounts: {user: "u{{n}}", password: "${DRILL_PASSWORD}"}
  login:
%s  # CHANGE THIS: a page that says who is signed in, and where it says so. The
  # group in parentheses has to give the name that the account has.
  marker: {get: /account, regex: 'Signed in as (\w+)'}
  # A write and a page that shows what was written find lost updates, too:
  # write: {post: /cart, form: {item: "{{token}}"}}
  # read:  {get: /cart, regex: 'data-item="([^"]+)"'}
  # logout: {post: /logout}

# What happens to the service meanwhile, in turn:
# events:
#   every: 10s
#   do:
#     - kubectl: {rollout_restart: deploy/shop}
#     - exec: docker compose restart web

# What was not put to the test is never a pass. Without logout: G9.
allow_unexercised: [G9]
`
