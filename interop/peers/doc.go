// Package peers holds no code: its tests put the edges of HTTP, where session
// libraries lose what a handler has stored, to evenkeel's session package, to
// alexedwards/scs and to gorilla/sessions. See README.md.
//
// # Guarantees
//
//   - Each edge is one scenario, written against an interface that knows no
//     library, and run over a real server on loopback.
//   - Each scenario has been seen to fail: at least one column loses in it,
//     and the test fails if that column stops losing.
//
// # Not guaranteed
//
//   - That the peers behave so with other stores than those used here, or in
//     other versions than those in go.mod.
package peers
