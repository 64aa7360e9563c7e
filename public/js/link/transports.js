// @ts-check
import { recall, remember } from '../memory.js'

const ALL = ['sse', 'websocket', 'longpoll'] // until the server has told

/**
 * The ways to read that the server said it has, the best first. Whatever they
 * are called in time to come, a long poll goes through everything.
 * @returns {string[]}
 */
export function transports() {
  const told = recall('transports', ALL)
  const known = ALL.filter(name => told.includes(name))
  return known.length ? known : ['longpoll']
}

/** @param {string[]} told */
export function learnTransports(told) {
  remember('transports', told)
}
