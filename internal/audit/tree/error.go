package tree

import "errors"

// ErrBounds is the error of a file whose tree would have no bounds.
var ErrBounds = errors.New("nested too deep, or too much repeated by aliases")

// LineError is an error at a line of a file.
type LineError struct {
	Line int // from 1; 0: not known
	err  error
}

// ErrorAt is err at a line, from 1, or at 0 if the line is not known.
func ErrorAt(line int, err error) error { return &LineError{line, err} }

// Error is the message without the line.
func (e *LineError) Error() string { return e.err.Error() }

// Unwrap returns the error without the line.
func (e *LineError) Unwrap() error { return e.err }
