// An application with the probe. STORE is memory (the default of
// express-session) or a folder for session-file-store, which instances share.
'use strict'
const express = require('express')
const session = require('express-session')
const probe = require('./probe')

const { STORE = 'memory', INSTANCE = 'express' } = process.env
let store
if (STORE !== 'memory') {
  const FileStore = require('session-file-store')(session)
  store = new FileStore({ path: STORE, retries: 0, logFn: () => {} })
}
const app = express()
app.use(session({ store, secret: 'a secret that all instances know', resave: false, saveUninitialized: false }))
app.use('/probe', probe(process.env.EVENKEEL_PROBE_SECRET, INSTANCE))
app.get('/', (req, res) => res.send('ready'))
const server = app.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log('listening on 127.0.0.1:' + server.address().port))
process.on('SIGTERM', () => server.close())
