// @ts-check
import { isEnglish, say } from './say.js'

const TIME_LIMIT = 10_000 // milliseconds: a dead connection answers never
const BUSY = [429, 502, 503, 504] // too much at once, here or at whoever passes it on

/** What the server, or the way to it, said no with. `message` is for the user. */
export class Problem extends Error {
  /** @param {number} status 0: no answer came @param {string} detail @param {number} wait milliseconds until it may go @param {string} type of the problem (RFC 9457) */
  constructor(status, detail, wait = 0, type = '') {
    super(detail)
    this.status = status
    this.wait = wait
    this.type = type
  }

  /** Reports whether somebody else has one's name now. */
  get nameTaken() {
    return this.type === 'urn:confab:name-taken'
  }

  /** Reports whether the same request may well go through later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }

  /** Reports whether the server has too much to do, and nobody is to blame. */
  get busy() {
    return isBusy(this.status)
  }
}

/** @param {number | undefined} status */
export function isBusy(status) {
  return BUSY.includes(status ?? 0)
}

/**
 * Asks the server. Answers with what it sent, or throws a Problem.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 * @param {RequestInit} [how]
 */
export async function call(method, path, body, headers, how) {
  const answer = await send(path, {
    ...how,
    method,
    headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIME_LIMIT),
  })
  return answer.text ? JSON.parse(answer.text) : null
}

/** @param {string} path @param {RequestInit} init */
async function send(path, init) {
  let response, text
  try {
    response = await fetch(path, init)
    text = await response.text()
  } catch {
    throw new Problem(0, say('unreachable'))
  }
  if (!response.ok) throw problem(response, text)
  return { text }
}

/** @param {Response} response @param {string} text */
export function problem(response, text) {
  const { detail, type } = read(text)
  return new Problem(response.status, friendly(response.status) ?? (detail || say('brokenWhy')), waitOf(response.headers.get('Retry-After')), type)
}

/** The milliseconds of a Retry-After, which is seconds or a date; 0: it says nothing. @param {string | null} after */
export function waitOf(after) {
  const wait = Number(after ?? 0) * 1000
  return Math.max(0, Number.isNaN(wait) ? Date.parse(after ?? '') - Date.now() || 0 : wait)
}

/** @param {number} status */
function friendly(status) {
  if (status === 429) return say('slowDown')
  if (status >= 500) return say('resting')
  if (isEnglish()) return // the server's own words say more
  if (status === 403) return say('notAllowed')
  if (status === 404 || status === 410) return say('notThere')
  return say('refused')
}

/** @param {string} text @returns {{detail?: string, type?: string}} */
function read(text) {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
