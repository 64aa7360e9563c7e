// @ts-check
import { Problem } from './call.js'

const SHORTEST = 1_000 // milliseconds until the second attempt
const LONGEST = 8_000 // between two attempts, unless the server asks for more

/**
 * How long to wait after so many failures: what the server asks for, else
 * longer each time. Chance spreads those who were all sent away at once.
 * @param {{wait: number}} problem
 * @param {number} failures
 */
export function waitAfter({ wait }, failures, shortest = SHORTEST, longest = LONGEST) {
  const backoff = Math.min(longest, shortest * 2 ** Math.min(16, failures - 1))
  const chance = Math.random() / 2
  return wait ? wait + chance * Math.min(wait, backoff) : backoff * (0.75 + chance)
}

/**
 * Asks until there is an answer: a server that is busy wants to be asked
 * later. Any other problem is thrown, and so is the end of the signal.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {{signal?: AbortSignal, passes?: (problem: Problem) => boolean, onWait?: (wait: number, problem: Problem) => void}} [how] `passes`: what to wait for
 * @returns {Promise<T>}
 */
export async function patiently(ask, { signal, passes = ({ busy }) => busy, onWait } = {}) {
  for (let failures = 1; ; failures++) {
    try {
      return await ask()
    } catch (problem) {
      signal?.throwIfAborted()
      if (!(problem instanceof Problem) || !passes(problem)) throw problem
      const wait = waitAfter(problem, failures)
      onWait?.(wait, problem)
      await new Promise(resolve => setTimeout(resolve, wait))
      signal?.throwIfAborted()
    }
  }
}
