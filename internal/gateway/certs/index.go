package certs

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
)

// index finds certificates by name. It never changes.
type index struct {
	first  *tls.Certificate
	byName map[string][]*tls.Certificate // lower case; *.example.com as it is
}

func newIndex(all []*files) *index {
	ix := &index{first: all[0].cert, byName: map[string][]*tls.Certificate{}}
	for _, f := range all {
		names := f.cert.Leaf.DNSNames
		for _, ip := range f.cert.Leaf.IPAddresses {
			names = append(slices.Clip(names), ip.String())
		}
		for _, name := range names {
			name = strings.ToLower(name)
			ix.byName[name] = append(ix.byName[name], f.cert)
		}
	}
	return ix
}

// choose is the first certificate for the exact name, else for its wildcard,
// that the client can use. A client that names no server reached us by an
// address. The first pair of all is for everybody else.
func (ix *index) choose(hello *tls.ClientHelloInfo) *tls.Certificate {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" && hello.Conn != nil {
		name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	candidates := ix.byName[name]
	if len(candidates) == 0 {
		if _, parent, ok := strings.Cut(name, "."); ok {
			candidates = ix.byName["*."+parent]
		}
	}
	for _, cert := range candidates {
		if len(candidates) == 1 || hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	return ix.first
}
