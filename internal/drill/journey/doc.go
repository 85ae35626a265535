// Package journey drives a service that nobody here wrote by what a person
// would do there: sign in, look at a page that says who is signed in, put
// something away, look at it again. It is a dialect of the engine, made of
// configured steps:
//
//	login:  [{get: /login, pick: {csrf: 'name="csrf" value="([^"]+)"'}},
//	         {post: /login, form: {user: "{{user}}", password: "{{password}}", csrf: "{{csrf}}"}}]
//	marker: {get: /account, regex: 'Signed in as (\w+)'}
//	write:  {post: /cart, form: {item: "{{token}}"}}
//	read:   {get: /cart, regex: 'data-item="([^"]+)"'}
//	logout: {post: /logout}
//
// With a login and a marker it shows lost and mixed-up sessions; with a write
// and a read also lost updates.
//
// # How answers are read
//
// Before the load the scout looks at the marker page without a session, and so
// learns how the service answers strangers. From then on an answer to the marker
// is the user's name, a stranger's answer, or broken; broken counts as a failed
// request. A write is acknowledged by a status from 200 to 399, unless it is a
// 401 or sends the user where strangers are sent.
//
// A call of several requests is one operation, from the first request to the
// last answer. The last step decides; where an earlier one fails, what came
// before it without an effect stays without one.
//
// # Guarantees
//
//   - Users stay on the host: a redirect to another one is not followed, with
//     or without credentials.
//   - Tokens are letters and digits on the wire, so that escaping leaves them
//     alone.
//   - What an account has kept from earlier sessions (a cart in a database) is
//     told from what this session wrote.
//   - No password is in an error; of an answer at most 200 bytes are.
//
// # Not guaranteed
//
//   - JavaScript is not run: what only it can do (fetch a token, sign a request)
//     has to be written down as a step.
//   - A page that shows a stranger's answer by mistake is not told from a lost
//     session.
package journey
