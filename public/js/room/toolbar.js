// @ts-check
import { say } from '../say.js'
import { find, icon, node } from './node.js'

/** @typedef {import('./message.js').Message} Message */

const EMOJI = ['👍', '❤️', '😂', '🎉', '👀', '✅']

/**
 * What one can do with a line. There is one toolbar for all of them, beside
 * the log and not in it: it goes where the pointer or the focus is.
 */
export class Toolbar {
  #bar = /** @type {HTMLElement} */ (find('.tools'))
  #log = /** @type {HTMLElement} */ (find('.log'))
  /** @type {Message | undefined} */
  #message
  #messages
  #me
  #does

  /**
   * @param {import('./messages.js').Messages} messages
   * @param {import('../chat.js').User} me
   * @param {{reply: (to: Message) => void, edit: (mine: Message) => void, remove: (mine: Message) => void, react: (to: Message, emoji: string) => void, leave: () => void}} does
   */
  constructor(messages, me, does) {
    this.#messages = messages
    this.#me = me
    this.#does = does
    this.#log.addEventListener('pointerover', event => event.pointerType === 'mouse' && this.#follow(event))
    this.#log.addEventListener('focusin', event => this.#follow(event))
    this.#log.addEventListener('scroll', () => this.#place(), { passive: true })
    find('.room').addEventListener('pointerleave', () => this.#bar.contains(document.activeElement) || this.hide())
    this.#bar.addEventListener('keydown', event => this.#key(event))
  }

  get shown() {
    return !this.#bar.hidden
  }

  /** Closes what the focus is in, and reports whether it was. */
  close() {
    if (!this.shown || !this.#bar.contains(document.activeElement)) return false
    this.hide()
    this.#does.leave()
    return true
  }

  hide() {
    this.#bar.hidden = true
    this.#message = undefined
  }

  /** Puts the focus on the first thing to do with the line. */
  enter() {
    if (this.shown) find('button', this.#bar).focus()
  }

  /** @param {globalThis.Event} event */
  #follow({ target }) {
    const message = this.#messages.at(target)
    if (!message?.id || message.gone) return message && this.hide()
    if (message === this.#message || this.#bar.contains(document.activeElement)) return
    this.#message = message
    this.#fill(message)
    this.#bar.hidden = false
    this.#place()
  }

  /** @param {Message} message */
  #fill(message) {
    const mine = message.by.id === this.#me.id
    this.#bar.replaceChildren(
      this.#button('react', () => this.#choose(message)),
      this.#button('reply', () => this.#does.reply(message)),
      ...(mine ? [
        this.#button('edit', () => this.#does.edit(message)),
        this.#button('delete', () => this.#does.remove(message)),
      ] : []),
    )
  }

  /** @param {'react' | 'reply' | 'edit' | 'delete'} name @param {() => void} act */
  #button(name, act) {
    const button = node('button', { class: 'icon', type: 'button', 'aria-label': say(name), title: say(name) }, icon(name))
    button.addEventListener('click', () => {
      if (name !== 'react') this.hide()
      act()
    })
    return button
  }

  /** A small row; any other emoji by the system's own picker, in the box at its end. @param {Message} message */
  #choose(message) {
    const react = (/** @type {string} */ emoji) => {
      this.#does.react(message, emoji)
      this.hide()
      this.#messages.nodeOf(message)?.focus({ preventScroll: true })
    }
    const row = EMOJI.map(emoji => {
      const button = node('button', { class: 'tools__emoji', type: 'button', 'aria-label': say('reactWith', { emoji }) }, emoji)
      button.addEventListener('click', () => react(emoji))
      return button
    })
    const other = node('input', { class: 'tools__other', 'aria-label': say('otherEmoji'), placeholder: '…', autocomplete: 'off', maxlength: 16 })
    other.addEventListener('input', () => /^\p{Extended_Pictographic}|^\p{RI}\p{RI}/u.test(other.value) && react(other.value.trim()))
    this.#bar.replaceChildren(...row, other)
    this.#place()
    row[0].focus()
  }

  /** Above the end of its line, within the log. */
  #place() {
    const li = this.#message && this.#messages.nodeOf(this.#message)
    if (!li?.isConnected) return this.hide()
    const log = this.#log.getBoundingClientRect()
    const line = li.getBoundingClientRect()
    if (line.bottom < log.top || line.top > log.bottom) return this.hide()
    const bar = this.#bar.getBoundingClientRect()
    const top = Math.min(Math.max(line.top - log.top - bar.height + 8, 4), log.height - bar.height - 4)
    this.#bar.style.setProperty('transform', `translateY(${top}px)`)
    this.#bar.style.setProperty('inset-inline-end', `${getComputedStyle(li).direction === 'rtl' ? line.left - log.left : log.right - line.right}px`)
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const all = /** @type {HTMLElement[]} */ ([...this.#bar.querySelectorAll('button, input')])
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    if (step && event.target instanceof HTMLButtonElement) all[(at + step + all.length) % all.length].focus()
  }
}
