package gateway

import (
	_ "embed" // the description
	"net/http"
)

// openAPI describes the admin API: exactly its calls, as a test compares.
//
//go:embed openapi.json
var openAPI []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI) // the caller may have gone
}
