import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mock, test } from 'node:test'

const stored = new Map()
globalThis.addEventListener ??= () => {}
globalThis.localStorage = new Proxy({
  getItem: name => stored.get(name) ?? null, setItem: (name, value) => stored.set(name, value), removeItem: name => stored.delete(name),
}, { ownKeys: () => [...stored.keys()], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) })
const { Outbox } = await import('../room/outbox.js')

const me = { id: 'u_me', name: 'Me' }
const MINUTE = 60_000
const keyHash = createHash('sha256').update('u_me k').digest('hex').slice(0, 24)

/** What becomes of a line that left so long ago and of which no answer came, where the room holds these events. */
async function afterwards(age, events) {
  stored.clear()
  const at = Date.now() - age
  stored.set('confab.outbox.u_me.k', JSON.stringify({ kind: 'post', room: 'lobby', key: 'k', keyHash, text: 'hi', at, tried: at, after: '1-0' }))
  const asked = []
  mock.method(globalThis, 'fetch', async (path, { method, headers }) => {
    asked.push(`${method} ${path.split('?')[0]} ${headers['Idempotency-Key'] ?? ''}`.trim())
    const answer = method === 'GET' ? { events, more: false, cursor: '9-0' } : { id: '9-0', prev: '1-0', kind: 'message', room: 'lobby', by: me, text: 'hi' }
    return new Response(JSON.stringify(answer))
  })
  const room = { name: 'lobby', last: '1-0', pending: [], lines: [], send(line) { this.pending.push(line) }, drop() {}, touch() {}, onChange() {}, confirm(event) { this.confirmed = event.id } }
  new Outbox(me, { onRefused() {}, onNameTaken() {}, onProblem() {} }).attach(room)
  const done = () => !stored.has('confab.outbox.u_me.k') || JSON.parse(stored.get('confab.outbox.u_me.k')).refused
  while (!done()) await new Promise(setImmediate)
  await new Promise(setImmediate)
  mock.restoreAll()
  return { asked, confirmed: room.confirmed, refused: JSON.parse(stored.get('confab.outbox.u_me.k') ?? '{}').refused }
}

const event = (id, by, hash) => ({ id, prev: '1-0', kind: 'message', room: 'lobby', by, text: 'hi', keyHash: hash })

test('a line whose key the server still knows is sent again at once', async () => {
  assert.deepEqual(await afterwards(8 * MINUTE, []), { asked: ['POST /r/lobby k'], confirmed: '9-0', refused: undefined })
})

test('a line that left too long ago is looked for, and not sent again where it is', async () => {
  const there = [event('2-0', { id: 'u_other', name: 'Me' }, 'other'), event('3-0', me, 'another'), event('4-0', me, keyHash)]
  assert.deepEqual(await afterwards(20 * MINUTE, there), { asked: ['GET /r/lobby'], confirmed: '4-0', refused: undefined })
})

test('a line that is not there is sent, for the room was looked through to its end', async () => {
  assert.deepEqual(await afterwards(20 * MINUTE, [event('3-0', me, 'another')]), { asked: ['GET /r/lobby', 'POST /r/lobby k'], confirmed: '9-0', refused: undefined })
})

test('a clock that jumped back is no reason to believe that a key is known', async () => {
  const { asked } = await afterwards(-60 * MINUTE, [event('4-0', me, keyHash)])
  assert.deepEqual(asked, ['GET /r/lobby'])
})
