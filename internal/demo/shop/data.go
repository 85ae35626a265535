package shop

import (
	"cmp"
	"net/http"
	"slices"
)

// maxLines bounds a cart that is kept as one thing.
const maxLines = 5000

// data is a session's content where it is kept as one thing.
type data struct {
	User string `json:"user,omitempty"`
	Cart []Line `json:"cart,omitempty"`
	N    int64  `json:"n,omitempty"`
}

// signedIn is the content after a sign-in: a new one if it was another user's.
func (d *data) signedIn(user string) *data {
	if d == nil || d.User != "" && d.User != user {
		d = &data{}
	}
	d.User = user
	return d
}

func (d *data) add(department, item string) error {
	if len(d.Cart) >= maxLines {
		return ErrFull
	}
	d.Cart = append(d.Cart, newLine(department, item))
	return nil
}

// cart is a copy in the order of the departments.
func (d *data) cart() []Line {
	lines := slices.Clone(d.Cart)
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(shelf(a.Department), shelf(b.Department)) })
	return lines
}

func (d *data) remove(lines []Line) {
	out := make(map[Line]bool, len(lines))
	for _, l := range lines {
		out[l] = true
	}
	d.Cart = slices.DeleteFunc(d.Cart, func(l Line) bool { return out[l] })
}

// cookieValue is what the browser presents, "" for nothing.
func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie gives the browser a session ID; "" takes it away. It is not Secure:
// the demo speaks plain http.
func setCookie(w http.ResponseWriter, name, id string) {
	c := &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if id == "" {
		c.MaxAge = -1
	}
	w.Header().Set("Cache-Control", "no-store")
	http.SetCookie(w, c)
}
