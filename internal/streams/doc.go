// Package streams lets long-lived streams leave in good order: a WebSocket is
// closed with code 1012 between two messages, and an event stream ends after a
// complete event, so that clients connect again, elsewhere.
//
//	ws := streams.NewWebSocket(client, target, streams.WebSocketOptions{})
//	go func() { <-leaving; ws.Leave() }()
//	ws.Run() // until both directions have ended
//
//	ev := streams.NewEvents(w, cancelRead)
//	go func() { <-leaving; ev.Leave() }()
//	_, err := io.Copy(ev, body)
//	left := ev.End() // true: this is a clean end, whatever err says
//
// # Guarantees
//
//   - Until a stream is asked to leave, every byte passes on as it came and as
//     soon as it came, also of peers that do not keep to the protocol.
//   - What the client gets is whole frames and whole events: nothing is put
//     into a frame, and nothing of an event is left out or sent in part.
//   - What the client of a WebSocket sends before its own Close reaches the
//     target.
//
// # Not guaranteed
//
//   - What the target sends after the client was told is dropped. Events that
//     were not read from the target yet are lost to this connection; a client
//     asks for them with Last-Event-ID.
//   - A client that reads nothing cannot be told. The caller bounds how long a
//     stream may take to leave.
package streams
