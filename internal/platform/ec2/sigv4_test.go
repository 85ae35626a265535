package ec2

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The requests and signatures are of AWS' Signature Version 4 test suite,
// published with the AWS General Reference: some of those without a path or a
// query.
func TestSignature(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	c := credentials{id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	tests := []struct {
		name, method, body string
		header             http.Header
		names, signature   string
	}{
		{"get-vanilla", "GET", "", nil, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "", nil, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded", "POST", "Param1=value1", http.Header{"Content-Type": {form}}, "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"get-header-key-duplicate", "GET", "", http.Header{"My-Header1": {"value2", "value2", "value1"}}, "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.header
			if h == nil {
				h = http.Header{}
			}
			c.sign(h, tt.method, "example.amazonaws.com", tt.body, "us-east-1", "service", at)
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + tt.names + ", Signature=" + tt.signature
			if got := h.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	h := http.Header{}
	s := c
	s.token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
	s.sign(h, "POST", "example.amazonaws.com", "", "us-east-1", "service", at)
	if want := "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"; !strings.HasSuffix(h.Get("Authorization"), "host;x-amz-date;x-amz-security-token, Signature="+want) {
		t.Errorf("post-sts-header-before: got %s, want %s", h.Get("Authorization"), want)
	}
	h = http.Header{}
	c.sign(h, "GET", "example.amazonaws.com", "x", "us-east-1", "service", at)
	if strings.Contains(h.Get("Authorization"), tests[0].signature) {
		t.Error("control: another body has the same signature")
	}
}

func TestTokenIsSigned(t *testing.T) {
	h := http.Header{}
	c := credentials{"id", "secret", "session"}
	c.sign(h, "POST", "x", "", "r", "s", time.Now())
	if h.Get("X-Amz-Security-Token") != "session" || !strings.Contains(h.Get("Authorization"), "host;x-amz-date;x-amz-security-token") {
		t.Errorf("header %v", h)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, "secret") || strings.Contains(s, "session") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}
