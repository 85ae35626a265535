package gateway

import (
	"net/http"
	"strings"
)

// passTrace lets W3C Trace Context through as it came if it is well-formed.
// What is not is dropped, so that a target begins a trace of its own; a
// tracestate without its traceparent says nothing.
func passTrace(h http.Header) {
	parent, state := h["Traceparent"], h["Tracestate"]
	if len(parent) != 1 || !isTraceparent(parent[0]) {
		delete(h, "Traceparent")
		delete(h, "Tracestate")
		return
	}
	if state != nil && !isTracestate(state) {
		delete(h, "Tracestate")
	}
}

// isTraceparent is Trace Context, 3.2.2: version, trace ID, parent ID, flags
// in lower-case hex. Later versions may have more behind another dash.
func isTraceparent(s string) bool {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	version, trace, parent := s[:2], s[3:35], s[36:52]
	switch {
	case !isHex(version), !isHex(trace), !isHex(parent), !isHex(s[53:55]):
		return false
	case version == "ff", strings.Trim(trace, "0") == "", strings.Trim(parent, "0") == "":
		return false
	case version == "00":
		return len(s) == 55
	}
	return len(s) == 55 || s[55] == '-'
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isTracestate is Trace Context, 3.3.1: up to 32 members key=value.
func isTracestate(lines []string) bool {
	members := 0
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.Trim(member, " \t"); member == "" {
				continue
			}
			key, value, ok := strings.Cut(member, "=")
			if members++; members > 32 || !ok || !isTraceKey(key) || !isTraceValue(value) {
				return false
			}
		}
	}
	return true
}

func isTraceKey(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("_-*/@", rune(c))) {
			return false
		}
	}
	return true
}

func isTraceValue(s string) bool {
	if s == "" || len(s) > 256 || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}

// traceID is of a request that went through passTrace; empty without one.
func traceID(h http.Header) string {
	if parent := h["Traceparent"]; len(parent) == 1 && len(parent[0]) >= 55 {
		return parent[0][3:35]
	}
	return ""
}
