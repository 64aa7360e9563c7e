// @ts-check
import { say } from '../say.js'
import { find } from './node.js'

/** The way back to the end, for a reader who is elsewhere. */
export class Jump {
  #button = find('.jump')
  #messages

  /** @param {import('./messages.js').Messages} messages */
  constructor(messages) {
    this.#messages = messages
    this.#button.addEventListener('click', () => { messages.toEnd(); messages.onSeen() })
  }

  /** @param {string} seen the id of the line read last */
  draw(seen) {
    const waiting = this.#messages.following ? 0 : this.#messages.waiting(seen)
    this.#button.hidden = this.#messages.following || !(waiting || this.#messages.far)
    const text = waiting ? say('newMessages', { n: waiting }) : say('jump')
    if (this.#button.textContent !== text) this.#button.textContent = text
  }
}
