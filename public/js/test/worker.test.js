import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'

const source = await readFile(new URL('../worker.js', import.meta.url), 'utf8')

/** A browser's caches, as far as the worker uses them. */
class Caches {
  /** @type {Map<string, Map<string, Response>>} */
  all = new Map()
  keys = async () => [...this.all.keys()]
  delete = async name => this.all.delete(name)
  match = async request => {
    for (const kept of this.all.values()) if (kept.has(path(request))) return kept.get(path(request)).clone()
  }

  async open(name) {
    const kept = this.all.get(name) ?? new Map()
    this.all.set(name, kept)
    return {
      match: async request => kept.get(path(request))?.clone(),
      put: async (request, response) => { kept.set(path(request), response) },
      addAll: async files => {
        const answers = await Promise.all(files.map(file => this.fetch(file)))
        if (answers.some(answer => !answer.ok)) throw new TypeError('a file is missing')
        files.forEach((file, i) => kept.set(path(file), answers[i]))
      },
    }
  }
}

const path = request => new URL(request.url ?? request, 'https://chat.test').pathname

/** A worker of a release, in a browser with these caches, before a server that has these files. */
function worker(release, caches, server) {
  const on = {}
  const fetch = async request => (server.has(path(request)) ? new Response(server.get(path(request))) : new Response('', { status: 404 }))
  caches.fetch = fetch
  const self = {
    addEventListener: (name, does) => { on[name] = does }, skipWaiting: async () => {},
    registration: {}, clients: { claim: async () => {} },
  }
  runInNewContext(source, { self, caches, fetch, RELEASE: release, FILES: [`/app/main-${release}.js`], URL, Response, Promise, setTimeout, Error, location: { origin: 'https://chat.test' } })
  const lasts = name => new Promise((resolve, reject) => { on[name]({ waitUntil: done => done.then(resolve, reject) }) })
  const get = async (address, mode = 'no-cors') => {
    let answer
    on.fetch({ request: { url: `https://chat.test${address}`, method: 'GET', mode }, respondWith: given => { answer = given } })
    return (await answer)?.text()
  }
  return { install: () => lasts('install'), activate: () => lasts('activate'), get }
}

/** What a server of a release has. */
const serverOf = release => new Map([['/', `<script src="/app/main-${release}.js">`], [`/app/main-${release}.js`, `release ${release}`]])

test('while two releases are out, each page gets its own files', async () => {
  const caches = new Caches()
  const one = worker('A', caches, serverOf('A'))
  await one.install()
  await one.activate()
  const two = worker('B', caches, serverOf('B'))
  await two.install()
  await two.activate()
  assert.equal(await two.get('/', 'navigate'), '<script src="/app/main-B.js">')
  assert.equal(await two.get('/app/main-B.js'), 'release B')
  assert.equal(await two.get('/app/main-A.js'), 'release A') // a tab that was open before still asks for it; the server has it no more
  const three = worker('C', caches, serverOf('C'))
  await three.install()
  await three.activate()
  assert.deepEqual(await caches.keys(), ['confab-B', 'confab-C'])
})

test('a release is taken whole, or not at all', async () => {
  const caches = new Caches()
  const one = worker('A', caches, serverOf('A'))
  await one.install()
  await one.activate()
  const mixed = [
    new Map([...serverOf('B'), ['/', serverOf('A').get('/')]]), // of two servers one has the old page
    new Map([['/', serverOf('B').get('/')]]), // and one has no new files yet
  ]
  for (const server of mixed) {
    await assert.rejects(worker('B', caches, server).install())
    assert.equal(await one.get('/', 'navigate'), '<script src="/app/main-A.js">')
    assert.equal(await one.get('/app/main-A.js'), 'release A')
  }
})

test('what is said is never kept', async () => {
  const caches = new Caches()
  const one = worker('A', caches, new Map([...serverOf('A'), ['/r/lobby', 'lines'], ['/login', 'me']]))
  await one.install()
  assert.equal(await one.get('/r/lobby', 'navigate'), 'lines')
  assert.equal(await one.get('/login'), undefined) // the browser asks by itself
  for (const kept of caches.all.values()) assert.deepEqual([...kept.keys()].sort(), ['/', '/app/main-A.js'])
})
