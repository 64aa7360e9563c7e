// @ts-check
import { say } from '../say.js'
import { find } from './node.js'

const LASTS = 5_000 // milliseconds after the last sign

/** Who is writing, in a line of fixed height that no screen reader is bothered with. */
export class Typing {
  #line = find('.composer__typing')
  /** @type {Map<string, {name: string, timer: number}>} */
  #writers = new Map()

  /** @param {import('../chat.js').User} by */
  note({ id, name }) {
    this.#forget(id)
    this.#writers.set(id, { name, timer: setTimeout(() => this.stop(id), LASTS) })
    this.#draw()
  }

  /** @param {string} id */
  stop(id) {
    if (this.#forget(id)) this.#draw()
  }

  clear() {
    for (const id of [...this.#writers.keys()]) this.stop(id)
  }

  /** @param {string} id */
  #forget(id) {
    clearTimeout(this.#writers.get(id)?.timer)
    return this.#writers.delete(id)
  }

  #draw() {
    const names = [...this.#writers.values()].map(({ name }) => name)
    this.#line.textContent = names.length ? say('typing', { names }) : ''
  }
}
