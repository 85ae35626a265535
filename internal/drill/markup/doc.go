// Package markup finds things in the HTML of strangers: elements by a small
// selector, and the forms of a page.
//
//	s, err := markup.ParseSelector(`form#login input[name=csrf]@value`)
//	tokens := s.Find(page, 1)
//	forms := markup.Forms(page)
//
// Guarantees: any bytes are taken, in time linear in their number; entities in
// texts and attributes are resolved.
//
// Not guaranteed: what browsers repair. An element is open until its end tag,
// the end tag of one around it, or the end of the page; optional end tags are
// not known.
package markup
