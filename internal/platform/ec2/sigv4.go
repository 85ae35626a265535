package ec2

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// credentials of a role. They are never printed.
type credentials struct{ id, secret, token string }

// String keeps them out of logs.
func (credentials) String() string { return "[credentials]" }

// GoString keeps them out of logs.
func (credentials) GoString() string { return "[credentials]" }

// sign adds X-Amz-Date, X-Amz-Security-Token and Authorization for a call of
// path / without a query: AWS Signature Version 4, "Create a signed AWS API
// request", AWS Identity and Access Management User Guide. All headers are
// signed, with host.
func (c credentials) sign(header http.Header, method, host, body, region, service string, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	header.Set("X-Amz-Date", stamp)
	if c.token != "" {
		header.Set("X-Amz-Security-Token", c.token)
	}
	names, lines := canonical(header, host)
	request := strings.Join([]string{method, "/", "", lines, names, hash(body)}, "\n")
	scope := strings.Join([]string{stamp[:8], region, service, "aws4_request"}, "/")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash(request)}, "\n")
	key := []byte("AWS4" + c.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.id+"/"+scope+
		", SignedHeaders="+names+", Signature="+hex.EncodeToString(mac(key, toSign)))
}

// canonical are the names of the headers, and each with its value in a line.
func canonical(header http.Header, host string) (names, lines string) {
	values := map[string]string{"host": host}
	keys := []string{"host"}
	for k, v := range header {
		k = strings.ToLower(k)
		keys = append(keys, k)
		values[k] = strings.Join(v, ",")
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k + ":" + strings.Join(strings.Fields(values[k]), " ") + "\n")
	}
	return strings.Join(keys, ";"), b.String()
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}
