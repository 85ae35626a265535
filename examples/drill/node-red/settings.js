// Whoever knows the password is the user that the name says.
const user = name => ({ username: name, permissions: '*' })

module.exports = {
  uiHost: '127.0.0.1',
  adminAuth: {
    type: 'credentials',
    users: name => Promise.resolve(user(name)),
    authenticate: (name, password) => Promise.resolve(password === 'drill' ? user(name) : null)
  }
}
