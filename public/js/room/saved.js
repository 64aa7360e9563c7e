// @ts-check
import { recall, remember } from '../memory.js'

const KEPT = 50 // lines of a room

/** @typedef {import('./room.js').Room} Room */

/** Keeps the last lines of a room in this browser. @param {Room} room */
export function save(room) {
  if (!room.loaded || room.saved) return
  const events = room.lines.filter(line => !line.gone).slice(-KEPT)
    .map(({ id, by, text, reply, edited }) => ({ room: room.name, id, prev: '', kind: 'message', by, text, reply, edited }))
  remember(`saved.${room.name}`, { events, cursor: room.last ?? '', more: true, title: room.title })
}

/** Fills a room with what was kept, and reports whether there was any. @param {Room} room */
export function restore(room) {
  const page = recall(`saved.${room.name}`, /** @type {import('./room.js').Page | null} */ (null))
  if (!page) return false
  room.saved = true
  room.load(page)
  return true
}
