package session

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a Change.
const (
	MaxNameBytes    = 256  // of an attribute's name
	MaxOps          = 1024 // of one Change
	MaxWriteIDBytes = 64
)

// Check refuses what no record could take, with ErrMalformed or ErrLimit. Apply
// begins with it; stores that do not call Apply begin with it themselves.
func (c *Change) Check() error {
	switch {
	case c.WriteID == "" || len(c.WriteID) > MaxWriteIDBytes:
		return fmt.Errorf("%w: a write ID has 1 to %d bytes", ErrMalformed, MaxWriteIDBytes)
	case len(c.Ops) > MaxOps:
		return fmt.Errorf("%w: more than %d operations", ErrLimit, MaxOps)
	}
	if err := c.checkKinds(); err != nil {
		return err
	}
	for i := range c.Ops {
		if err := c.Ops[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// checkKinds refuses parts that contradict one another.
func (c *Change) checkKinds() error {
	others := c.Start != nil || c.Clear || len(c.Ops) > 0 || c.SignIn != nil || c.Renew != nil
	switch {
	case c.Invalidate != "" && others:
		return fmt.Errorf("%w: an invalidation stands alone", ErrMalformed)
	case c.Start != nil && c.Renew != nil:
		return fmt.Errorf("%w: start and renewal in one", ErrMalformed)
	case c.Start != nil && c.Start.Idle < time.Millisecond:
		return fmt.Errorf("%w: start without an idle timeout", ErrMalformed)
	case c.Start != nil && c.Start.Verifier == Hash{}, c.Renew != nil && c.Renew.Verifier == Hash{}:
		return fmt.Errorf("%w: no verifier", ErrMalformed)
	case c.SignIn != nil && c.SignIn.Principal == "":
		return fmt.Errorf("%w: sign-in without a principal", ErrMalformed)
	case c.SignIn != nil && (c.SignIn.Idle < 0 || c.SignIn.Idle > 0 && c.SignIn.Idle < time.Millisecond):
		return fmt.Errorf("%w: sign-in with an idle timeout of %v", ErrMalformed, c.SignIn.Idle)
	case c.SignIn != nil && len(c.SignIn.Device) > MaxDeviceBytes:
		return fmt.Errorf("%w: a device has at most %d bytes", ErrLimit, MaxDeviceBytes)
	case c.SignIn != nil && c.SignIn.MaxSessions < 0:
		return fmt.Errorf("%w: negative bound of sessions", ErrMalformed)
	case c.SignIn != nil && c.Start == nil && c.Renew == nil:
		return fmt.Errorf("%w: sign-in without a start or a renewal", ErrMalformed)
	}
	return nil
}

func (op *Op) check() error {
	switch {
	case len(op.Name) > MaxNameBytes:
		return fmt.Errorf("%w: an attribute's name has more than %d bytes", ErrLimit, MaxNameBytes)
	case !validName(op.Name):
		return fmt.Errorf("%w: attribute name %q", ErrMalformed, op.Name)
	case op.Kind > OpDiff:
		return fmt.Errorf("%w: unknown operation %d", ErrMalformed, op.Kind)
	case op.Max < 0:
		return fmt.Errorf("%w: negative bound of a list", ErrMalformed)
	}
	return nil
}

// validName tells whether an attribute may have the name: 1 to MaxNameBytes
// bytes of UTF-8 without control characters.
func validName(name string) bool {
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// merges tells whether the change has operations whose values a caller
// depends on.
func (c *Change) merges() bool {
	for i := range c.Ops {
		if c.Ops[i].Kind >= OpAdd {
			return true
		}
	}
	return false
}
