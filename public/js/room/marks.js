// @ts-check
import { call } from '../call.js'
import { pathOf } from '../chat.js'

const GATHER = 2_000 // milliseconds

/** How far one has read, which all devices of a user share. */
export class Marks {
  /** @type {Map<string, string>} room to id */
  #waiting = new Map()
  #timer = 0

  /** Tells the server, and by it the other devices, in a while. @param {string} room @param {string} id */
  tell(room, id) {
    this.#waiting.set(room, id)
    this.#timer ||= setTimeout(() => this.#send(), GATHER)
  }

  /** Tells nothing any more: nobody is signed in. */
  rest() {
    clearTimeout(this.#timer)
    this.#timer = -1 // no other is set
  }

  #send() {
    this.#timer = 0
    for (const [room, id] of this.#waiting) call('PUT', pathOf(room, 'read'), { id }).catch(() => {}) // the next one tells it
    this.#waiting.clear()
  }
}
