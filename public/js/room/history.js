// @ts-check
import { call } from '../call.js'
import { pathOf } from '../chat.js'

/** @typedef {import('./room.js').Room} Room */

const PAGE = 100

/** Loads the last lines of a room. @param {Room} room */
export async function loadLast(room) {
  const page = await ask(room, {})
  if (room.saved) room.reset()
  room.load(page)
  if (room.lines.length < PAGE / 4 && room.more) await loadOlder(room).catch(() => {}) // else as one scrolls there
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
