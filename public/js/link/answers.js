// @ts-check

const LIMIT = 1_500 // milliseconds that an answer may take, unless the asker has more patience

/**
 * Reports whether the server answers. Over several connections at once it also
 * empties the browser's pool of those that died in silence: who gives up on an
 * answer closes the connection on which it did not come, and the next request
 * is not written into a dead one.
 */
export async function serverAnswers(connections = 1, limit = LIMIT) {
  const signal = AbortSignal.timeout(limit)
  const ask = () => fetch('/login', { headers: { Accept: 'application/json' }, cache: 'no-store', signal })
  const answers = await Promise.allSettled(Array.from({ length: connections }, ask))
  return answers.some(({ status }) => status === 'fulfilled')
}
