// @ts-check
import { Problem, problem } from '../call.js'

const MORE = 10 // seconds until an answer is given up that should be there

/** @typedef {{path: string, wait: number, breath: number}} Manner `wait`: seconds that the server may hold an answer back, `breath`: milliseconds between two questions */
/** @type {Manner} */
const LONG = { path: '/stream', wait: 20, breath: 250 }
/** @type {Manner} */
const SHORT = { path: '/poll', wait: 0, breath: 4_000 }

/**
 * Reads by long poll: it goes through anything that HTTP goes through.
 * @type {import('./stream.js').Open}
 */
export const openPoll = reader => poll(LONG, reader)

/**
 * Reads by short polls, which something else answers than what holds streams:
 * for as long as no more streams are taken.
 * @type {import('./stream.js').Open}
 */
export const openShortPolls = reader => poll(SHORT, reader)

/** @param {Manner} manner @param {Parameters<import('./stream.js').Open>[0]} reader */
function poll(manner, { rooms, after, onEvents, onDown }) {
  const stop = new AbortController()
  ask(after).catch(error => {
    if (!stop.signal.aborted) onDown(error instanceof Problem ? error : new Problem(0, String(error)))
  })
  return () => stop.abort()

  /** @param {string} cursor */
  async function ask(cursor) {
    for (let wait = 0; !stop.signal.aborted; wait = manner.wait) { // the first answer comes at once: it lives
      const query = new URLSearchParams([...rooms.map(room => ['room', room]), ['after', cursor], ['wait', String(wait)]])
      const response = await fetch(`${manner.path}?${query}`, {
        headers: { Accept: 'application/json' },
        cache: 'no-store',
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout((wait + MORE) * 1000)]),
      })
      if (!response.ok) throw problem(response, await response.text())
      const answer = await response.json()
      if (stop.signal.aborted) return
      cursor = answer.cursor
      onEvents(answer.events)
      await new Promise(resolve => setTimeout(resolve, manner.breath))
    }
  }
}
