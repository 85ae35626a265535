package markup

import "strings"

// Form is a form of a page.
type Form struct {
	Action string // as it is written; "" is the page itself
	Method string // GET or POST
	ID     string // "" none
	Fields []Field
}

// Field tells whether the form has one of that name.
func (f Form) Field(name string) bool {
	for _, field := range f.Fields {
		if field.Name == name {
			return true
		}
	}
	return false
}

// Selector is one of the form, by what tells it best from others of the page:
// its ID, its action, or nothing.
func (f Form) Selector() string {
	switch {
	case ident(f.ID):
		return "form#" + f.ID
	case f.Action != "" && !strings.Contains(f.Action, `"`):
		return `form[action="` + f.Action + `"]`
	}
	return "form"
}

// Field is something that a form sends.
type Field struct {
	Name, Type, Value string // Type is in lower case: text, password, hidden, …; select, textarea
}

// Has tells whether the form has a field of a type.
func (f Form) Has(kind string) bool {
	for _, field := range f.Fields {
		if field.Type == kind {
			return true
		}
	}
	return false
}

// maxForms bounds what is taken of a page.
const maxForms = 100

// Forms are the forms of a page with their fields, at most 100 of each.
func Forms(page []byte) []Form {
	var forms []Form
	z := tokenizer{rest: string(page)}
	inside := false
	for {
		t, ok := z.next()
		switch {
		case !ok:
			return forms
		case t.name == "form" && t.end:
			inside = false
		case t.name == "form" && len(forms) < maxForms:
			action, _ := t.get("action")
			method, _ := t.get("method")
			id, _ := t.get("id")
			if method = strings.ToUpper(method); method != "POST" {
				method = "GET"
			}
			forms = append(forms, Form{Action: strings.TrimSpace(action), Method: method, ID: id})
			inside = true
		case inside && !t.end:
			if f, ok := fieldOf(&t); ok && len(forms[len(forms)-1].Fields) < maxForms {
				forms[len(forms)-1].Fields = append(forms[len(forms)-1].Fields, f)
			}
		}
	}
}

func fieldOf(t *token) (Field, bool) {
	name, _ := t.get("name")
	if name == "" {
		return Field{}, false
	}
	value, _ := t.get("value")
	switch t.name {
	case "input":
		kind, _ := t.get("type")
		if kind = strings.ToLower(kind); kind == "" {
			kind = "text"
		}
		return Field{name, kind, value}, true
	case "select", "textarea":
		return Field{name, t.name, ""}, true
	case "button":
		return Field{name, "submit", value}, true
	}
	return Field{}, false
}
