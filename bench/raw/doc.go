// Package raw is HTTP/1.1 with next to nothing around it: a client that sends
// prepared bytes once and hides nothing, and a server that answers prepared
// bytes, so that what is measured is what stands between or beside them.
//
//	conn, err := raw.Dial(ctx, addr)
//	answer, err := conn.Do(raw.Get(addr, "/200"))
//
// # Guarantees
//
//   - A request is sent once. There are no retries.
//   - An answer is whole, or there is an error.
//
// # Not guaranteed
//
//   - Only answers with Content-Length, and chunked ones, are understood; no
//     interim answers, no bodies that end with the connection.
package raw
