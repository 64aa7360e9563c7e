// @ts-check
import { call } from '../call.js'
import { NOTHING, isAfter, pathOf } from '../chat.js'
import { takePage } from '../rendered.js'

/** @typedef {import('./room.js').Room} Room */

const PAGE = 100
const PAGES = 20 // of unread lines, at most, that are loaded when a room is opened

/**
 * Loads the last lines of a room, back to what was read already.
 * @param {Room} room
 * @param {string | undefined} mark everything up to here was read; none: one was never here
 * @returns {Promise<boolean>} whether it goes back that far
 */
export async function loadLast(room, mark) {
  const pages = [takePage(room.name) ?? await ask(room, {})]
  const first = () => pages.at(-1)?.events[0]?.id
  const missing = () => mark !== undefined && !!pages.at(-1)?.more && isAfter(first() ?? NOTHING, mark)
  while (missing() && pages.length < PAGES) pages.push(await ask(room, { before: first() ?? NOTHING }))
  if (room.saved) room.reset()
  for (const page of pages) room.load(page)
  if (room.lines.length < PAGE / 4 && room.more) await loadOlder(room).catch(() => {}) // else as one scrolls there
  return !missing()
}

/** Loads lines before the first that is known, until some show. @param {Room} room */
export async function loadOlder(room) {
  const had = room.lines.length
  while (room.more && room.lines.length === had) {
    const before = room.first
    room.load(await ask(room, before ? { before } : {}))
    if (room.first === before) break
  }
}

/** Loads what is missing after an id. @param {Room} room @param {string} after */
export async function fillHole(room, after) {
  for (let more = true; more;) {
    const page = await ask(room, { after })
    room.hear(page.events)
    after = page.events.at(-1)?.id ?? after
    more = page.more && page.events.length > 0
  }
}

/** @param {Room} room @param {Record<string, string>} where @returns {Promise<import('./room.js').Page>} */
function ask(room, where) {
  return call('GET', `${pathOf(room.name)}?${new URLSearchParams({ limit: String(PAGE), ...where })}`)
}
