package gateway

import (
	"fmt"
	"strings"
)

// framingCase is one message of a client.
type framingCase struct {
	name    string
	raw     string // of HTTP/1.1; the gateway's own request line follows if it is one
	want    verdict
	method  string // POST
	path    string // /
	body    string // that the target must see
	absent  []string
	present []string
}

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// post is a POST with fields and what comes after its head.
func post(fields, rest string) string {
	return "POST / HTTP/1.1\r\nHost: h\r\n" + strings.ReplaceAll(fields, "\n", "\r\n") + "\r\n\r\n" + rest
}

const five = "5\r\nhello\r\n0\r\n\r\n"

var framingCases = []framingCase{
	{name: "plain", raw: post("Content-Length: 5", "hello"), want: one, body: "hello"},
	{name: "chunked", raw: post("Transfer-Encoding: chunked", five), want: one, body: "hello"},
	{name: "length and chunked", raw: post("Content-Length: 5\nTransfer-Encoding: chunked", five), want: atMost, body: "hello"},
	{name: "chunked and length", raw: post("Transfer-Encoding: chunked\nContent-Length: 4", five), want: atMost, body: "hello"},
	{name: "TE xchunked", raw: post("Transfer-Encoding: xchunked", five), want: refused},
	{name: "TE xchunked and length", raw: post("Transfer-Encoding: xchunked\nContent-Length: 5", "hello"), want: refused},
	{name: "TE chunked, identity", raw: post("Transfer-Encoding: chunked, identity", five), want: refused},
	{name: "TE identity, chunked", raw: post("Transfer-Encoding: identity, chunked", five), want: refused},
	{name: "TE gzip, chunked", raw: post("Transfer-Encoding: gzip, chunked", five), want: refused},
	{name: "TE chunked twice", raw: post("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", five), want: refused},
	{name: "TE chunked, chunked", raw: post("Transfer-Encoding: chunked, chunked", five), want: refused},
	{name: "TE chunked and identity lines", raw: post("Transfer-Encoding: chunked\nTransfer-Encoding: identity", five), want: refused},
	{name: "TE tab before", raw: post("Transfer-Encoding:\tchunked", five), want: atMost, body: "hello"},
	{name: "TE vertical tab", raw: post("Transfer-Encoding: \x0bchunked", five), want: refused},
	{name: "TE tab after", raw: post("Transfer-Encoding: chunked\t", five), want: atMost, body: "hello"},
	{name: "TE space before colon", raw: post("Transfer-Encoding : chunked", five), want: refused},
	{name: "TE quoted", raw: post(`Transfer-Encoding: "chunked"`, five), want: refused},
	{name: "TE capitals", raw: post("Transfer-Encoding: Chunked", five), want: atMost, body: "hello"},
	{name: "TE empty", raw: post("Transfer-Encoding:\nContent-Length: 5", "hello"), want: refused},
	{name: "TE with a NUL", raw: post("Transfer-Encoding: chunked\x00", five), want: refused},
	{name: "TE with underscore", raw: post("Transfer_Encoding: chunked\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Transfer_Encoding"}},
	{name: "TE folded", raw: post("Transfer-Encoding:\n chunked", five), want: atMost, body: "hello"},
	{name: "TE in a folded line", raw: post("X: y\n Transfer-Encoding: chunked\nContent-Length: 5", "hello"), want: one, body: "hello"},

	{name: "two lengths", raw: post("Content-Length: 5\nContent-Length: 6", "hello!"), want: refused},
	{name: "two equal lengths", raw: post("Content-Length: 5\nContent-Length: 5", "hello"), want: atMost, body: "hello"},
	{name: "list of equal lengths", raw: post("Content-Length: 5, 5", "hello"), want: refused},
	{name: "list of lengths", raw: post("Content-Length: 5, 6", "hello!"), want: refused},
	{name: "length +5", raw: post("Content-Length: +5", "hello"), want: refused},
	{name: "length -5", raw: post("Content-Length: -5", "hello"), want: refused},
	{name: "length 5 5", raw: post("Content-Length: 5 5", "hello"), want: refused},
	{name: "length 0x5", raw: post("Content-Length: 0x5", "hello"), want: refused},
	{name: "length 5_0", raw: post("Content-Length: 5_0", "hello"), want: refused},
	{name: "length 1e1", raw: post("Content-Length: 1e1", "hello"), want: refused},
	{name: "length 05", raw: post("Content-Length: 05", "hello"), want: atMost, body: "hello"},
	{name: "length empty", raw: post("Content-Length:", "hello"), want: refused},
	{name: "length beyond 64 bits", raw: post("Content-Length: 18446744073709551621", "hello"), want: refused},
	{name: "length space before colon", raw: post("Content-Length : 5", "hello"), want: refused},
	{name: "length and NUL", raw: post("Content-Length: 5\x00", "hello"), want: refused},
	{name: "length folded", raw: post("Content-Length: 5\n 0", "hello"), want: refused},
	{name: "length with underscore", raw: post("Content_Length: 50\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Content_Length"}},

	{name: "bare LF", raw: "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", want: atMost, body: "hello"},
	{name: "bare CR in a value", raw: post("X: a\rContent-Length: 50\nContent-Length: 5", "hello"), want: refused},
	{name: "bare CR ends a line", raw: "POST / HTTP/1.1\rHost: h\r\n\r\n", want: refused},
	{name: "NUL in a value", raw: post("X: a\x00b\nContent-Length: 5", "hello"), want: refused},
	{name: "NUL in a name", raw: post("X\x00Y: a\nContent-Length: 5", "hello"), want: refused},
	{name: "DEL in a value", raw: post("X: a\x7fb\nContent-Length: 5", "hello"), want: refused},
	{name: "folded", raw: post("X: a\n b\nContent-Length: 5", "hello"), want: atMost, body: "hello"},
	{name: "folded first line", raw: "POST / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", want: refused},
	{name: "line without colon", raw: post("X\nContent-Length: 5", "hello"), want: refused},
	{name: "name empty", raw: post(": a\nContent-Length: 5", "hello"), want: refused},
	{name: "name with space", raw: post("X Y: a\nContent-Length: 5", "hello"), want: refused},
	{name: "name with slash", raw: post("X/Y: a\nContent-Length: 5", "hello"), want: refused},
	{name: "name beyond ASCII", raw: post("X\xff: a\nContent-Length: 5", "hello"), want: refused},

	{name: "chunk extension", raw: post("Transfer-Encoding: chunked", "5;a=b\r\nhello\r\n0;c\r\n\r\n"), want: atMost, body: "hello"},
	{name: "chunk extension with LF", raw: post("Transfer-Encoding: chunked", "5;a\nhello\r\n0\r\n\r\n"), want: partial, body: "hello"},
	{name: "chunk extension with CR", raw: post("Transfer-Encoding: chunked", "5;a\rb\r\nhello\r\n0\r\n\r\n"), want: partial, body: "hello"},
	{name: "chunk size 0x5", raw: post("Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk size +5", raw: post("Transfer-Encoding: chunked", "+5\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk size -5", raw: post("Transfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk size empty", raw: post("Transfer-Encoding: chunked", "\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk size overflow", raw: post("Transfer-Encoding: chunked", "10000000000000005\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk size zero-padded", raw: post("Transfer-Encoding: chunked", "00000000000000005\r\nhello\r\n0\r\n\r\n"), want: partial},
	{name: "chunk longer than its size", raw: post("Transfer-Encoding: chunked", "5\r\nhello!\r\n0\r\n\r\n"), want: partial},
	{name: "chunk without its end", raw: post("Transfer-Encoding: chunked", "5\r\nhello0\r\n\r\n"), want: partial},
	{name: "chunks end in LF", raw: post("Transfer-Encoding: chunked", "5\nhello\n0\n\n"), want: partial, body: "hello"},
	{name: "chunk of another request", raw: post("Transfer-Encoding: chunked", "0\r\n\r\n"+smuggled), want: two},
	{name: "trailer", raw: post("Transfer-Encoding: chunked\nTrailer: X-Sum", "5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"), want: one, body: "hello"},
	{name: "trailers that are no trailers", raw: post("Transfer-Encoding: chunked\nTrailer: X-Sum",
		"5\r\nhello\r\n0\r\nX-Sum: 9\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: x\r\nCookie: x\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"), want: partial, body: "hello"},
	{name: "trailer announces a length", raw: post("Transfer-Encoding: chunked\nTrailer: Content-Length", "5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"), want: refused},
	{name: "trailer announces the host", raw: post("Transfer-Encoding: chunked\nTrailer: Host", "5\r\nhello\r\n0\r\nHost: evil\r\n\r\n"), want: partial, body: "hello"},
	{name: "trailer of LFs and a request", raw: post("Transfer-Encoding: chunked", "0\r\nX: y\n\n"+smuggled), want: two},

	{name: "method with a tab", raw: "PO\tST / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "method in brackets", raw: "P(ST) / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "method with a colon", raw: "GET: / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "method in small letters", raw: "get / HTTP/1.1\r\nHost: h\r\n\r\n", want: one, method: "get"},
	{name: "CONNECT", raw: "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", want: refused},
	{name: "two spaces", raw: "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "a version in the target", raw: "GET / HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "space in the target", raw: "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "tab in the target", raw: "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "fragment in the target", raw: "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "encoded CR LF in the target", raw: "GET /a%0d%0ax:y HTTP/1.1\r\nHost: h\r\n\r\n", want: one, method: "GET", path: "/a%0d%0ax:y"},
	{name: "target without a slash", raw: "GET x HTTP/1.1\r\nHost: h\r\n\r\n", want: refused},
	{name: "HTTP/1.2", raw: "GET / HTTP/1.2\r\nHost: h\r\n\r\n", want: atMost, method: "GET"},
	{name: "HTTP/2.0", raw: "GET / HTTP/2.0\r\nHost: h\r\n\r\n", want: refused},
	{name: "HTTP/0.9", raw: "GET /\r\n\r\n", want: refused},
	{name: "preface of HTTP/2", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: refused},

	{name: "no Host", raw: "GET / HTTP/1.1\r\n\r\n", want: refused},
	{name: "two Hosts", raw: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", want: refused},
	{name: "two equal Hosts", raw: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", want: refused},
	{name: "Host with a space", raw: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", want: refused},
	{name: "Host with a slash", raw: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", want: refused},
	{name: "Host with userinfo", raw: "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", want: refused},
	{name: "Host, absolute target", raw: "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", want: one, method: "GET", path: "/x", present: []string{"Host: b"}},
	{name: "absolute target with userinfo", raw: "GET http://u:p@b/x HTTP/1.1\r\nHost: a\r\n\r\n", want: atMost, method: "GET", path: "/x", present: []string{"Host: b"}},
	{name: "absolute target of another scheme", raw: "GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", want: atMost, method: "GET", path: "/x"},
	{name: "X_Host", raw: "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: evil\r\nX_Forwarded_Host: evil\r\n\r\n", want: one, method: "GET", present: []string{"X-Forwarded-Host: a"}, absent: []string{"X_Forwarded_Host"}},

	{name: "Connection: Content-Length", raw: post("Connection: Content-Length\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Connection"}},
	{name: "Connection: Transfer-Encoding", raw: post("Connection: Transfer-Encoding\nTransfer-Encoding: chunked", five), want: one, body: "hello", absent: []string{"Connection"}},
	{name: "Connection: Host", raw: post("Connection: Host, X-Forwarded-For, close\nContent-Length: 5", "hello"), want: one, body: "hello", present: []string{"Host: h", "X-Forwarded-For: 127.0.0.1"}},
	{name: "Keep-Alive and Proxy-Connection", raw: post("Keep-Alive: 5\nProxy-Connection: x\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Keep-Alive", "Proxy-Connection"}},

	{name: "HTTP/1.0", raw: "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", want: one, body: "hello"},
	{name: "HTTP/1.0, no Host", raw: "GET / HTTP/1.0\r\n\r\n", want: atMost, method: "GET"},
	{name: "HTTP/1.0 with TE", raw: "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + five, want: atMost},
	{name: "HTTP/1.0 with TE and length, kept", raw: "POST / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + five[:5] + smuggled, want: one, body: five[:5]},

	{name: "Expect", raw: post("Expect: 100-continue\nContent-Length: 5", "hello"), want: one, body: "hello"},
	{name: "Expect without a body", raw: post("Expect: 100-continue\nContent-Length: 0", ""), want: one},
	{name: "Expect of something else", raw: post("Expect: x\nContent-Length: 5", "hello"), want: atMost, body: "hello"},
	{name: "Expect that lies", raw: post("Expect: 100-continue\nContent-Length: 5", "hello"+smuggled), want: two, body: "hello"},
	{name: "GET with a body", raw: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", want: one, method: "GET", body: "hello"},
	{name: "GET with chunks", raw: "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + five, want: one, method: "GET", body: "hello"},
	{name: "HEAD with a body", raw: "HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", want: one, method: "HEAD", body: "hello"},
	{name: "Upgrade with a body", raw: post("Connection: Upgrade\nUpgrade: websocket\nContent-Length: 5", "hello"), want: atMost, body: "hello"},
	{name: "Upgrade to h2c", raw: post("Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Upgrade", "Http2-Settings"}},
	{name: "Upgrade to one of two", raw: post("Connection: Upgrade\nUpgrade: websocket, h2c\nContent-Length: 5", "hello"), want: one, body: "hello", absent: []string{"Upgrade"}},
	{name: "Upgrade with a line end", raw: post("Connection: Upgrade\nUpgrade: websocket\x0b\nContent-Length: 5", "hello"), want: refused},

	{name: "body is a request", raw: post(fmt.Sprintf("Content-Length: %d", len(smuggled)), smuggled), want: one, body: smuggled},
	{name: "pipelined", raw: post("Content-Length: 5", "hello"+smuggled), want: two, body: "hello"},
	{name: "pipelined, length 0", raw: post("Content-Length: 0", smuggled), want: two},
	{name: "length too short", raw: post("Content-Length: 3", "hello"), want: one, body: "hel"},
	{name: "leading line", raw: "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", want: atMost, method: "GET"},
}
