package session

import "fmt"

func (l Limits) withDefaults() Limits {
	if l.AttributeBytes == 0 {
		l.AttributeBytes = 64 << 10
	}
	if l.SessionBytes == 0 {
		l.SessionBytes = 512 << 10
	}
	if l.Attributes == 0 {
		l.Attributes = 256
	}
	return l
}

// size is Record.Size of the attributes.
func (a attributes) size() int {
	n := 0
	for name, value := range a {
		n += len(name) + len(value)
	}
	return n
}

// check compares the state after the operations with the limits. What was
// beyond a limit before, because limits were lowered, may stay and shrink.
func (l Limits) check(before *Record, after attributes, ops []Op) error {
	l = l.withDefaults()
	for i := range ops {
		name := ops[i].Name
		if value, present := after[name]; present && len(name)+len(value) > l.AttributeBytes {
			if old, had := before.Attributes[name]; had && len(value) <= len(old) {
				continue
			}
			return fmt.Errorf("%w: attribute %q has %d bytes, at most %d are allowed",
				ErrLimit, name, len(name)+len(value), l.AttributeBytes)
		}
	}
	if n := after.size(); n > l.SessionBytes && n > before.Size {
		return fmt.Errorf("%w: the session has %d bytes, at most %d are allowed", ErrLimit, n, l.SessionBytes)
	}
	if n := len(after); n > l.Attributes && n > len(before.Attributes) {
		return fmt.Errorf("%w: the session has %d attributes, at most %d are allowed", ErrLimit, n, l.Attributes)
	}
	return nil
}
