import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Problem, waitOf } from '../call.js'
import { patiently, waitAfter } from '../patience.js'

test('a Retry-After is seconds or a date, and nonsense is none', () => {
  for (const [after, wait] of [[null, 0], ['', 0], ['7', 7000], ['soon', 0], ['-3', 0], ['Thu, 01 Jan 1970 00:00:00 GMT', 0]]) assert.equal(waitOf(after), wait, after)
  const wait = waitOf(new Date(Date.now() + 60_000).toUTCString())
  assert.ok(wait > 50_000 && wait <= 60_000, `${wait}`)
})

test('nobody comes back before the server wants it, nor all at once', () => {
  const waits = Array.from({ length: 200 }, () => waitAfter({ wait: 4000 }, 1))
  assert.ok(Math.min(...waits) >= 4000 && Math.max(...waits) <= 6000)
  assert.ok(new Set(waits.map(Math.round)).size > 50)
})

test('who is not told how long waits longer each time, but never for ever', () => {
  for (const [failures, least, most] of [[1, 750, 1250], [2, 1500, 2500], [3, 3000, 5000], [4, 6000, 10_000], [40, 6000, 10_000]]) {
    for (let i = 0; i < 50; i++) {
      const wait = waitAfter({ wait: 0 }, failures)
      assert.ok(wait >= least && wait <= most, `${wait} after ${failures}`)
    }
  }
})

/** Lets time run while something waits. @param {() => boolean} done */
async function timeRuns(done) {
  while (!done()) {
    mock.timers.tick(500)
    await new Promise(setImmediate)
  }
}

test('a busy server is asked until it answers', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const answers = [429, 503, 502, 504]
  const waits = []
  let answer
  patiently(async () => {
    const status = answers.shift()
    if (status) throw new Problem(status, 'busy', status === 503 ? 3000 : 0)
    return 'room'
  }, { onWait: wait => waits.push(wait) }).then(got => { answer = got })
  await timeRuns(() => answer)
  mock.timers.reset()
  assert.equal(answer, 'room')
  assert.equal(waits.length, 4)
  assert.ok(waits[1] >= 3000)
})

test('a refusal is no reason to wait', async () => {
  for (const status of [0, 401, 404, 500]) await assert.rejects(patiently(async () => { throw new Problem(status, 'no') }), { status })
  await assert.rejects(patiently(async () => { throw new TypeError('a fault of ours') }), TypeError)
})

test('nothing is asked any more once nobody wants to know', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const stop = new AbortController()
  let asked = 0
  let ended = false
  const end = assert.rejects(patiently(async () => { asked++; throw new Problem(429, 'busy') }, { signal: stop.signal, onWait: () => stop.abort() }), { name: 'AbortError' })
  end.then(() => { ended = true })
  await timeRuns(() => ended)
  mock.timers.reset()
  await end
  assert.equal(asked, 1)
})
