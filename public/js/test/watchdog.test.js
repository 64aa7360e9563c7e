import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Watchdog } from '../link/watchdog.js'

test('a machine’s clock that jumps back silences no watchdog, and one that slept is heard at once', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  let [page, machine] = [0, 10_000_000]
  const clocks = [mock.method(performance, 'now', () => page), mock.method(Date, 'now', () => machine)]
  let barked = 0
  const watchdog = new Watchdog(() => barked++)
  const pass = ms => { page += ms; machine += ms; mock.timers.tick(ms) }

  watchdog.expect(1000)
  machine -= 3_600_000 // an hour back
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
  machine += 3_600_000 // it slept: the clock of the page stood still
  watchdog.look()
  assert.equal(barked, 3)
  for (const clock of clocks) clock.mock.restore()
  mock.timers.reset()
})
