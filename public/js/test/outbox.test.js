import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { beforeEach, mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

Object.defineProperty(globalThis, 'localStorage', { configurable: true, get: () => null })
globalThis.addEventListener ??= () => {}
const { forget, recallAll } = await import('../memory.js')
const { Outbox } = await import('../room/outbox.js')
const { Room } = await import('../room/room.js')

const me = { id: 'u_me', name: 'me' }

/** The requests that a server was asked, each with a way to answer it. */
let asked = []

beforeEach(() => {
  forget('outbox.')
  asked = []
  globalThis.fetch = (path, { body, headers, signal }) => new Promise((answer, fail) => {
    const key = headers['Idempotency-Key']
    const event = id => ({ kind: 'message', room: 'lobby', id, prev: '0-0', by: me, keyHash: createHash('sha256').update(`${me.id} ${key}`).digest('hex').slice(0, 24), text: JSON.parse(body).text })
    signal.addEventListener('abort', () => fail(signal.reason))
    asked.push({ event, fail, answer: id => answer(new Response(JSON.stringify(event(id)), { status: 201 })) })
  })
})

/** A room with an outbox, on a clock that the test turns. */
async function open(t) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  t.after(() => mock.timers.reset())
  const room = new Room('lobby', me)
  room.load({ events: [], more: false, cursor: '0-0', title: '' })
  const outbox = new Outbox(me, { onRefused() {}, onProblem() {} })
  outbox.attach(room)
  const pass = async milliseconds => { mock.timers.tick(milliseconds); await turn() }
  return { room, outbox, pass, fates: () => [...room.lines, ...room.pending].map(({ text, fate }) => `${text} ${fate}`) }
}

test('a line is sent as soon as its event is there, however late the answer comes', async t => {
  const { room, outbox, pass, fates } = await open(t)
  outbox.add({ kind: 'post', text: 'hi' })
  await pass(500)
  room.hear([asked[0].event('1-0')])
  assert.deepEqual(fates(), ['hi sent'])
  await pass(14_500)
  assert.deepEqual(fates(), ['hi sent'])
  asked[0].answer('1-0')
  await pass(0)
  assert.deepEqual(fates(), ['hi sent'])
  assert.equal(outbox.unsent, false)
})

test('a line that waits for its answer holds up no other once its event is there', async t => {
  const { room, outbox, pass, fates } = await open(t)
  outbox.add({ kind: 'post', text: 'one' })
  outbox.add({ kind: 'post', text: 'two' })
  await pass(2_000)
  assert.equal(asked.length, 1)
  assert.deepEqual(fates(), ['one slow', 'two sending'])
  room.hear([asked[0].event('1-0')])
  await pass(0)
  assert.equal(asked.length, 2)
  asked[1].answer('2-0')
  await pass(0)
  assert.deepEqual(fates(), ['one sent', 'two sent'])
})

test('a line whose answer was lost is not sent again once its event is there', async t => {
  const { room, outbox, pass, fates } = await open(t)
  outbox.add({ kind: 'post', text: 'hi' })
  await pass(0)
  asked[0].fail(new Error('the link broke'))
  await pass(0)
  assert.deepEqual(fates(), ['hi failed'])
  room.hear([asked[0].event('1-0')])
  await pass(0)
  await pass(60_000)
  assert.deepEqual(fates(), ['hi sent'])
  assert.equal(asked.length, 1)
  assert.deepEqual(recallAll('outbox.'), [])
})
