// @ts-check
import { isBusy } from '../call.js'
import { say } from '../say.js'
import { find, node } from './node.js'

const GRACE = 2_000 // milliseconds without a stream that nobody needs to know of
const TOLD = 6_000 // milliseconds that a passing trouble stands

/** Tells the truth about the link. */
export class Status {
  #node = find('.link')
  #onTry
  #grace = 0
  #ticking = 0
  #again = 0
  /** @type {'lost' | 'busy' | 'refusedToSend'} */
  #why = 'lost'
  #telling = 0

  /** @param {() => void} onTry */
  constructor(onTry) {
    this.#onTry = onTry
  }

  /** @param {import('../link/stream.js').LinkState} state */
  show({ live, wait = 0, status = 0 }) {
    this.#again = performance.now() + wait
    this.#why = isBusy(status) ? 'busy' : status >= 400 && status < 500 ? 'refusedToSend' : 'lost'
    document.body.dataset.link = live ? 'live' : 'down'
    if (live) return this.#clear()
    this.#grace ||= setTimeout(() => this.#tell(), GRACE)
    if (this.#ticking) this.#tick()
  }

  /** Says once what went wrong. @param {string} text */
  tell(text) {
    if (this.#ticking) return
    this.#node.ariaLive = 'polite'
    this.#node.replaceChildren(text)
    clearTimeout(this.#telling)
    this.#telling = setTimeout(() => this.#ticking || this.#node.replaceChildren(), TOLD)
  }

  #clear() {
    if (!this.#grace) return
    clearTimeout(this.#grace)
    clearInterval(this.#ticking)
    this.#grace = this.#ticking = 0
    this.#node.replaceChildren()
  }

  #tell() {
    const button = node('button', { class: 'text-button', type: 'button' }, say('tryNow'))
    button.addEventListener('click', () => this.#onTry())
    this.#node.replaceChildren(node('span', {}, ''), ' ', button)
    this.#ticking = setInterval(() => this.#tick(), 1000)
    this.#tick()
  }

  /** The seconds run for the eye; a screen reader is told once. */
  #tick() {
    const n = Math.max(0, Math.ceil((this.#again - performance.now()) / 1000))
    const words = find('span', this.#node)
    words.textContent = this.#why === 'refusedToSend' ? say(this.#why) : say(this.#why, { n })
    this.#node.ariaLive = 'polite'
    setTimeout(() => { if (this.#ticking) this.#node.ariaLive = 'off' }, 100)
  }
}
