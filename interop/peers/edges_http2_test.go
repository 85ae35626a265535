package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// HTTP/2, with TLS and without.
var http2Edges = []scenario{
	{
		edge: "HTTP/2: Set, Flush, then a trailer",
		run: func(t *trial) {
			t.trailers(t.serve(t.wrap(t.app(trailerRoute(t))), func(srv *httptest.Server) {
				srv.EnableHTTP2 = true
				srv.StartTLS()
			}))
		},
		lost: map[string]string{"scs": "no cookie is sent", "careless": "Flush"},
	},
	{
		edge: "HTTP/2 without TLS: Set, Flush, then a trailer",
		run: func(t *trial) {
			b := t.serve(t.wrap(t.app(trailerRoute(t))), unencrypted)
			client := &http.Transport{Protocols: &http.Protocols{}}
			client.Protocols.SetUnencryptedHTTP2(true)
			t.Cleanup(client.CloseIdleConnections)
			b.client = client
			t.trailers(b)
		},
		lost: map[string]string{"scs": "no cookie is sent", "careless": "Flush"},
	},
	{
		edge: "HTTP/2: server push",
		run: func(t *trial) {
			b := t.serve(t.wrap(t.app(routes{"/push": func(w http.ResponseWriter, _ *http.Request, v visit) {
				if p, ok := w.(http.Pusher); ok {
					t.ok(p.Push("/static", nil))
				}
				answer(w, "page", v.Set("k", "kept"), v.Save)
			}})), unencrypted)
			pushed, err := b.pushes("/push")
			t.ok(err)
			t.lostIf(!pushed, "http.Pusher")
		},
		lost: map[string]string{"scs": "http.Pusher", "careless": "http.Pusher"},
	},
}

func unencrypted(srv *httptest.Server) {
	srv.Config.Protocols = &http.Protocols{}
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
}

func trailerRoute(t *trial) routes {
	return routes{"/trailer": func(w http.ResponseWriter, r *http.Request, v visit) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came over %s", r.Proto)
		}
		if v.Set("k", "kept") != nil || v.Save() != nil {
			return
		}
		w.Header().Set("Trailer", "X-Sum")
		t.lostIf(http.NewResponseController(w).Flush() != nil, "Flush")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	}}
}

func (t *trial) trailers(b *browser) {
	got := b.get("/trailer")
	t.lostIf(got.body != "body", "the body")
	t.lostIf(got.trailer.Get("X-Sum") != "42", "the trailer")
	t.arrives(b, got, "k", "kept")
}

// Frames of HTTP/2 (RFC 9113, section 6) and their flags.
const (
	frameHeaders     = 1
	frameSettings    = 4
	framePushPromise = 5

	endStream, endHeaders = 1, 4
)

// pushes asks for path over a connection of its own, because net/http's client
// refuses pushes, and tells whether a PUSH_PROMISE comes before the response.
func (b *browser) pushes(path string) (bool, error) {
	c := b.dial()
	authority := b.srv.Listener.Addr().String()
	// HPACK (RFC 7541, appendix A): indexed :method GET, :scheme http; literal
	// :path and :authority.
	block := fmt.Appendf([]byte{0x82, 0x86}, "\x04%c%s\x01%c%s", len(path), path, len(authority), authority)
	out := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0, nil)...)
	out = append(out, frame(frameHeaders, endStream|endHeaders, 1, block)...)
	if _, err := c.Write(out); err != nil {
		return false, err
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return false, err
		}
		length := int64(binary.BigEndian.Uint32(head[:4]) >> 8)
		if _, err := io.CopyN(io.Discard, c, length); err != nil {
			return false, err
		}
		switch kind, stream := head[3], binary.BigEndian.Uint32(head[5:]); {
		case kind == framePushPromise:
			return true, nil
		case kind == frameHeaders && stream == 1:
			return false, nil
		case kind > framePushPromise+3: // nothing that a server sends by itself
			return false, errors.New("unexpected frame")
		}
	}
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = append(head, flags)
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}
