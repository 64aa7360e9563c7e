import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Watchdog } from '../link/watchdog.js'

test('a machine’s clock that jumps back silences no watchdog, and one that slept is heard at once', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  let page = 0
  const now = mock.method(performance, 'now', () => page)
  let barked = 0
  const watchdog = new Watchdog(() => barked++)
  const pass = ms => { page += ms; mock.timers.tick(ms) }

  watchdog.expect(1000)
  mock.timers.setTime(0) // an hour back, or all of it
  pass(900)
  assert.equal(barked, 0)
  pass(200)
  assert.equal(barked, 1)

  watchdog.expect(1000)
  pass(500)
  watchdog.look() // a look arms it again
  pass(600)
  assert.equal(barked, 2)

  watchdog.expect(60_000)
  mock.timers.setTime(Date.now() + 3_600_000) // it slept: the clock of the page stood still
  watchdog.look()
  assert.equal(barked, 3)
  now.mock.restore()
  mock.timers.reset()
})
