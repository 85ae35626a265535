package cbor

import "encoding/json"

// JSON is a value that was stored as JSON. As the Old of a session.Upgrade it
// reads a version from before the attribute got the [Codec], see the package's
// documentation. It is for reading only: Marshal makes CBOR of it, too.
type JSON[T any] struct{ Value T }

// storedAsJSON is a pointer to a [JSON].
type storedAsJSON interface{ unmarshalJSON(data []byte) error }

func (j *JSON[T]) unmarshalJSON(data []byte) error { return json.Unmarshal(data, &j.Value) }
