// @ts-check
import { Problem, call } from '../call.js'
import { pathOf } from '../chat.js'

/** @typedef {import('./message.js').Message} Message */

/** What one can change: own lines, reactions, what a room is about. The screen shows it once it happened. */
export class Changes {
  #here
  #onProblem

  /** @param {import('./here.js').Here} here @param {(text: string) => void} onProblem */
  constructor(here, onProblem) {
    this.#here = here
    this.#onProblem = onProblem
  }

  /** @param {Message} mine @param {string} text */
  edit(mine, text) {
    if (text !== mine.text) this.#ask('PATCH', [mine.id], { text })
  }

  /** @param {Message} mine */
  remove(mine) {
    this.#ask('DELETE', [mine.id])
  }

  /** Puts a reaction there, or takes it back. @param {Message} to @param {string} emoji */
  react(to, emoji) {
    const off = to.reactions.get(emoji)?.has(this.#here.me.id)
    this.#ask(off ? 'DELETE' : 'PUT', [to.id, 'reactions', emoji])
  }

  /** @param {string} title */
  topic(title) {
    this.#ask('PATCH', [], { title })
  }

  /** @param {string} method @param {string[]} path @param {object} [body] */
  async #ask(method, path, body) {
    const { room } = this.#here
    try {
      room.correct(await call(method, pathOf(room.name, ...path), body))
    } catch (error) {
      this.#onProblem(error instanceof Problem ? error.message : String(error))
    }
  }
}
