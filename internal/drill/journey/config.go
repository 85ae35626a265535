package journey

import "github.com/evenkeel/evenkeel/internal/config"

// Config is the journey of a drill.yaml.
type Config struct {
	Accounts   Accounts            `yaml:"accounts"`
	Vars       map[string]string   `yaml:"vars"`
	Header     map[string]Template `yaml:"header"` // of every request
	Credential Credential          `yaml:"credential"`

	Login  []Step `yaml:"login,required,many"`
	Marker Page   `yaml:"marker,required"`
	Write  []Step `yaml:"write,many"`
	Read   Page   `yaml:"read"`
	Incr   []Step `yaml:"incr,many"` // has to pick n, the number drawn
	Count  Page   `yaml:"count"`     // shows the last number drawn
	Rotate []Step `yaml:"rotate,many"`
	Logout []Step `yaml:"logout,many"`
	Stream Events `yaml:"stream"`

	InstanceHeader string `yaml:"-"` // names the instance that answered; "" is X-Instance
}

// Step is one request. The last step of a list decides what became of it.
type Step struct {
	Get    Template            `yaml:"get"`
	Post   Template            `yaml:"post"`
	Put    Template            `yaml:"put"`
	Patch  Template            `yaml:"patch"`
	Delete Template            `yaml:"delete"`
	Form   map[string]Template `yaml:"form"`
	JSON   map[string]Template `yaml:"json"` // an object of strings
	Body   Template            `yaml:"body"` // as it is; what begins with { or [ is JSON, and its values are escaped
	Header map[string]Template `yaml:"header"`
	Pick   map[string]Pattern  `yaml:"pick"`
	Follow bool                `yaml:"follow"` // redirects, within the host
	Status int                 `yaml:"status"` // of success; 0 is 200 to 399

	foreign bool       // the body refers to the environment or a file
	Pos     config.Pos `yaml:"-"`
}

// Page is a page that is looked at. Exactly one of Regex, JSON and CSS says
// what is found there; a marker may do with its Status alone.
type Page struct {
	Get    Template            `yaml:"get"`
	Header map[string]Template `yaml:"header"`
	Status int                 `yaml:"status"` // of success; 0 is 200 to 299
	Follow bool                `yaml:"follow"`
	Regex  Pattern             `yaml:"regex"`
	JSON   string              `yaml:"json"`
	CSS    string              `yaml:"css"`

	find Pattern
	set  bool
	Pos  config.Pos `yaml:"-"`
}

// Events is a page of server-sent events whose IDs count up by one, also across
// connections: a resume after 41 begins with 42. Regex, of an event's data, says
// whose it is; "" is not shown.
type Events struct {
	Get   Template `yaml:"get"`
	Regex Pattern  `yaml:"regex"`

	Pos config.Pos `yaml:"-"`
}

// Credential is what opens a session. The zero value is the cookie that the
// scout finds.
type Credential struct {
	Cookies []string            `yaml:"cookies,many"`
	Header  map[string]Template `yaml:"header"` // exactly one, from what the login picks
}

// request is a step or page in one form.
type request struct {
	method string
	path   Template
	form   map[string]Template
	json   map[string]Template
	body   Template
	header map[string]Template
	pick   map[string]Pattern
	follow bool
	status int
}

func (s *Step) request() request {
	method, path := "", Template{}
	for _, m := range s.methods() {
		if !m.path.empty() {
			method, path = m.name, m.path
		}
	}
	return request{method, path, s.Form, s.JSON, s.Body, s.Header, s.Pick, s.Follow, s.Status}
}

func (p *Page) request() request {
	return request{method: "GET", path: p.Get, header: p.Header, follow: p.Follow, status: p.Status}
}

type method struct {
	name string
	path Template
}

func (s *Step) methods() []method {
	return []method{{"GET", s.Get}, {"POST", s.Post}, {"PUT", s.Put}, {"PATCH", s.Patch}, {"DELETE", s.Delete}}
}
