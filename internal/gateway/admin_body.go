package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// checkCall refuses query parameters that are not among these, and a body
// where none is taken.
func checkCall(r *http.Request, parameters []string) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("%w: query: %w", ErrInvalid, err)
	}
	for name, values := range q {
		allowed := "none"
		if len(parameters) > 0 {
			allowed = strings.Join(parameters, ", ")
		}
		if !slices.Contains(parameters, name) {
			return fmt.Errorf("%w: query parameter %s, allowed: %s", ErrInvalid, quote(name), allowed)
		}
		if len(values) > 1 {
			return fmt.Errorf("%w: query parameter %s is there twice", ErrInvalid, quote(name))
		}
	}
	if r.Method == http.MethodPut {
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAdminBody))
	if err != nil {
		return fmt.Errorf("%w: body: %w", ErrInvalid, err)
	}
	if b := bytes.TrimSpace(body); len(b) > 0 && string(b) != "{}" {
		return fmt.Errorf("%w: body: this call takes none", ErrInvalid)
	}
	return nil
}

// readJSON decodes exactly one object without unknown keys into the struct
// that v points to. An error names the key.
func readJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxAdminBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: body: %w", ErrInvalid, bodyError(err, v))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: body: found more than one JSON value", ErrInvalid)
	}
	return nil
}

// bodyError says in the words of the body what encoding/json found.
func bodyError(err error, v any) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return fmt.Errorf("found %s, allowed: an object with %s", kind.Value, keysOf(v))
		}
		return fmt.Errorf("%s: found %s, allowed: %s", kind.Field, kind.Value, kind.Type.Kind())
	}
	// It has no type for this one.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown key %s, allowed: %s", name, keysOf(v))
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it is empty, allowed: an object with %s", keysOf(v))
	}
	return err
}

// keysOf are the keys of the struct that v points to.
func keysOf(v any) string {
	t := reflect.TypeOf(v).Elem()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("json")
	}
	return strings.Join(keys, ", ")
}
