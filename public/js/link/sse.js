// @ts-check
import { Problem, problem } from '../call.js'
import { Frames } from './frames.js'

/**
 * Reads by server-sent events. Decision: by fetch, not EventSource, because a
 * page has to see the status of a refusal, and the first bytes even where they
 * hold no event: a proxy that holds them back shows only so.
 * @type {import('./stream.js').Open}
 */
export function openEvents({ rooms, after, onEvents, onDown }) {
  const stop = new AbortController()
  read().catch(error => {
    if (!stop.signal.aborted) onDown(error instanceof Problem ? error : new Problem(0, String(error)))
  })
  return () => stop.abort()

  async function read() {
    const query = new URLSearchParams([...rooms.map(room => ['room', room]), ['last_event_id', after]])
    const response = await fetch(`/stream?${query}`, {
      headers: { Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: stop.signal,
    })
    if (!response.ok || !response.body) throw problem(response, await response.text())
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    const frames = new Frames()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new Problem(0, 'the stream ended')
      if (!stop.signal.aborted) onEvents(frames.push(value))
    }
  }
}
