// @ts-check
import { Problem, problem } from '../call.js'

const WAIT = 20 // seconds that the server may hold an answer back
const TIME_LIMIT = (WAIT + 10) * 1000
const BREATH = 250 // milliseconds between two questions

/**
 * Reads by long poll: it goes through anything that HTTP goes through.
 * @type {import('./stream.js').Open}
 */
export function openPoll({ rooms, after, onEvents, onDown }) {
  const stop = new AbortController()
  ask(after).catch(error => {
    if (!stop.signal.aborted) onDown(error instanceof Problem ? error : new Problem(0, String(error)))
  })
  return () => stop.abort()

  /** @param {string} cursor */
  async function ask(cursor) {
    for (let wait = 0; !stop.signal.aborted; wait = WAIT) { // the first answer comes at once: it lives
      const query = new URLSearchParams([...rooms.map(room => ['room', room]), ['after', cursor], ['wait', String(wait)]])
      const response = await fetch(`/stream?${query}`, {
        headers: { Accept: 'application/json' },
        cache: 'no-store',
        signal: AbortSignal.any([stop.signal, AbortSignal.timeout(TIME_LIMIT)]),
      })
      if (!response.ok) throw problem(response, await response.text())
      const answer = await response.json()
      if (stop.signal.aborted) return
      cursor = answer.cursor
      onEvents(answer.events)
      await new Promise(resolve => setTimeout(resolve, BREATH))
    }
  }
}
