// @ts-check
import { recall, remember } from './memory.js'

/** @typedef {{text: number, title: number, name: number, room: number, rooms: number, query: number, reason: number}} Limits in characters, and rooms of one stream */

/**
 * What the server allows, as it said at GET /login; this page has no figures
 * of its own. Before the first answer there is no limit here, and the server
 * refuses what is too much.
 * @returns {Limits}
 */
export function limits() {
  return { text: Infinity, title: Infinity, name: Infinity, room: Infinity, rooms: Infinity, query: Infinity, reason: Infinity, ...recall('limits', {}) }
}

/** @param {Limits} told */
export function learnLimits(told) {
  remember('limits', told)
}

/** Has a field take no more than is allowed. @param {HTMLInputElement} field @param {keyof Limits} what */
export function limit(field, what) {
  if (Number.isFinite(limits()[what])) field.maxLength = limits()[what]
}
