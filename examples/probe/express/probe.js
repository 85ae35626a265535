// The probe for Express with express-session: app.use('/probe', probe()) after
// the session middleware. Off without a secret of at least 24 bytes.
'use strict'
const { createHash, timingSafeEqual } = require('node:crypto')
const { promisify } = require('node:util')
const express = require('express')

module.exports = function probe (secret = process.env.EVENKEEL_PROBE_SECRET || '', instance = '') {
  const router = express.Router()
  if (Buffer.byteLength(secret) < 24) return router
  console.warn('the probe is on: drill users can sign in without a password')
  const hash = s => createHash('sha256').update(s).digest()

  router.use((req, res, next) => {
    const given = req.get('X-Evenkeel-Probe')
    if (!given) return res.sendStatus(404)
    if (!timingSafeEqual(hash(given), hash(secret))) return res.sendStatus(403)
    res.set({ 'Cache-Control': 'no-store', 'X-Instance': instance })
    const user = req.session.user || ''
    req.drill = user.startsWith('drill:') ? user.slice(6) : ''
    next()
  })
  const signedIn = (req, res, next) => req.drill ? next() : res.status(401).json({})
  // fresh is a new session ID with the given content.
  const fresh = async (req, content) => {
    await promisify(req.session.regenerate).call(req.session)
    Object.assign(req.session, content)
  }
  const call = f => async (req, res, next) => {
    try { res.json(await f(req) || {}) } catch (err) { next(err) }
  }

  router.post('/login', (req, res, next) => req.session.user && !req.drill ? res.sendStatus(403) : next(),
    call(req => fresh(req, { user: 'drill:' + req.query.u, lists: {}, n: 0 })))
  router.post('/append', signedIn, call(req => {
    const { k, t } = req.query
    req.session.lists[k] = [...(req.session.lists[k] || []), t]
  }))
  router.get('/state', signedIn, call(req =>
    ({ u: req.drill, t: Object.values(req.session.lists).flat(), n: req.session.n, i: instance })))
  router.post('/incr', signedIn, call(req => ({ n: ++req.session.n })))
  router.post('/rotate', signedIn, call(req =>
    fresh(req, { user: req.session.user, lists: req.session.lists, n: req.session.n })))
  router.post('/logout', call(req => req.drill && promisify(req.session.destroy).call(req.session)))
  router.get('/slow', (req, res) => setTimeout(() => res.json({}), Math.min(Number(req.query.ms) || 0, 30000)))
  router.get('/stream', signedIn, (req, res) => {
    let id = Number(req.get('Last-Event-ID')) || 0
    res.set('Content-Type', 'text/event-stream')
    const data = JSON.stringify({ u: req.drill, i: instance })
    const timer = setInterval(() => res.write(`id: ${++id}\ndata: ${data}\n\n`), 100)
    res.on('close', () => clearInterval(timer))
  })
  return router
}
