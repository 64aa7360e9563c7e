// @ts-check
import { say } from '../say.js'
import { find, node } from './node.js'
import { UNDO } from './outbox.js'

/** Says what was just done, and takes it back for a few seconds. */
export class Undo {
  #bar = find('.undo')
  #timer = 0

  /** @param {string} done @param {() => void} undo */
  offer(done, undo) {
    const button = node('button', { class: 'text-button', type: 'button' }, say('undo'))
    button.addEventListener('click', () => { this.#hide(); undo(); find('.composer__box').focus() })
    this.#bar.replaceChildren(node('span', {}, done), ' ', button)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#hide(), UNDO)
  }

  #hide() {
    clearTimeout(this.#timer)
    this.#bar.replaceChildren()
  }
}
