import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Stream } from '../link/stream.js'

/** Lets so many milliseconds pass, and what waits for answers go on. @param {number} ms */
async function pass(ms) {
  for (let gone = 0; gone < ms; gone += 1000) {
    mock.timers.tick(Math.min(1000, ms - gone))
    for (let i = 0; i < 8; i++) await new Promise(setImmediate)
  }
}

test('what a stream was refused for good is not asked again for five minutes', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const asked = []
  mock.method(globalThis, 'fetch', async path => {
    asked.push(path.split('?')[0])
    return new Response('{"detail":"too many rooms"}', { status: 400 })
  })
  const states = []
  const stream = new Stream(() => ({ rooms: ['lobby'], after: '0-0' }), { onEvents() {}, onState: state => states.push(state) })
  stream.open()
  await pass(4 * 60_000)
  assert.deepEqual(asked, ['/stream'])
  assert.deepEqual(states, [{ live: false, wait: 5 * 60_000, status: 400 }])
  await pass(2 * 60_000)
  assert.deepEqual(asked, ['/stream', '/stream'])
  stream.retry() // somebody wants to know now
  await pass(1000)
  assert.equal(asked.length, 3)
  stream.close()
  mock.restoreAll()
  mock.timers.reset()
})
