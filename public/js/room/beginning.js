// @ts-check
import { say } from '../say.js'
import { find } from './node.js'

/** What stands above the first line: where the room begins, or the way further back. */
export class Beginning {
  #begin = find('.log__begin')
  #note = find('.log__note')
  #older = find('.log__older')

  /** @param {import('./room.js').Room} room @param {boolean} atTop whether the first line known is on the screen */
  draw(room, atTop) {
    this.#older.hidden = !room.loaded || !room.more || !atTop
    this.#begin.hidden = !room.loaded || room.more || !atTop
    this.#begin.textContent = room.lines.length + room.pending.length ? say('begins', { room: room.label }) : say('empty')
    this.#note.hidden = !room.saved
    this.#note.textContent = room.saved ? say('savedCopy') : ''
  }
}
