// @ts-check
import { say } from '../say.js'
import { find, icon, node } from './node.js'
import { onLongPress } from './press.js'
import { seldom } from './seldom.js'

/** @typedef {import('./message.js').Message} Message */
/** @typedef {'react' | 'reply' | 'edit' | 'delete' | 'copyText' | 'copyLink' | 'more'} Tool */
/** @typedef {(message: Message, close: () => void) => Promise<HTMLElement[]>} More what can be done with somebody else's line, and with who wrote it */

const EMOJI = ['👍', '❤️', '😂', '🎉', '👀', '✅']

/**
 * What one can do with a line. There is one toolbar for all of them, beside
 * the log and not in it: it goes where the pointer or the focus is, and a
 * finger brings it by a tap. A long press brings the same as a sheet.
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
   * @param {{reply: (to: Message) => void, edit: (mine: Message) => void, remove: (mine: Message) => void, react: (to: Message, emoji: string) => void, link: (to: Message) => string, leave: () => void, more: More}} does
   */
  constructor(messages, me, does) {
    this.#messages = messages
    this.#me = me
    this.#does = does
    this.#log.addEventListener('pointerover', event => event.pointerType === 'mouse' && !this.#row && this.#follow(event.target))
    this.#log.addEventListener('focusin', event => this.#follow(event.target))
    this.#log.addEventListener('click', event => this.#follow(event.target))
    document.addEventListener('pointerdown', event => this.#row && !event.composedPath().includes(this.#bar) && this.hide())
    document.addEventListener('focusin', event => this.#row && !event.composedPath().includes(this.#bar) && this.hide())
    this.#log.addEventListener('scroll', () => this.#place(), { passive: true })
    find('.room').addEventListener('pointerleave', event => this.#left(event))
    this.#bar.addEventListener('keydown', event => this.#key(event))
    this.#log.addEventListener('pointerdown', event => event.pointerType !== 'mouse' && seldom().catch(() => {})) // a long press may follow
    onLongPress(this.#log, target => this.#openSheet(target))
  }

  get shown() {
    return !this.#bar.hidden
  }

  /** Reports whether the row of emoji is open. */
  get #row() {
    return this.shown && !!this.#bar.querySelector('.tools__emoji')
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

  /** A mouse went elsewhere. A finger that was lifted did not: its click is still to come. @param {PointerEvent} event */
  #left(event) {
    if (event.pointerType === 'mouse' && !this.#bar.contains(document.activeElement)) this.hide()
  }

  /** @param {EventTarget | null} target */
  #follow(target) {
    const message = this.#messages.at(target)
    if (!message?.id || message.gone) return message && this.hide()
    if (message === this.#message || this.#bar.contains(document.activeElement)) return
    this.#message = message
    this.#bar.replaceChildren(...this.#toolsOf(message).map(name => this.#button(name, message)))
    this.#bar.hidden = false
    this.#place()
  }

  /** @param {Message} message @returns {Tool[]} */
  #toolsOf(message) {
    return message.by.id === this.#me.id ? ['react', 'reply', 'edit', 'delete', 'copyLink'] : ['react', 'reply', 'copyLink', 'more']
  }

  /** @param {Tool} name @param {Message} message */
  #button(name, message) {
    const button = node('button', { class: 'icon', type: 'button', 'aria-label': say(name), title: say(name) }, icon(name))
    button.addEventListener('click', () => {
      if (name === 'react') return this.#showRow(message)
      this.hide()
      this.#do(name, message)
    })
    return button
  }

  /** @param {Exclude<Tool, 'react'>} name @param {Message} message */
  #do(name, message) {
    if (name === 'more') this.#showSheet(message).catch(() => {})
    if (name === 'reply') this.#does.reply(message)
    if (name === 'edit') this.#does.edit(message)
    if (name === 'delete') this.#does.remove(message)
    if (name === 'copyLink') navigator.clipboard?.writeText(this.#does.link(message)).catch(() => {})
    if (name === 'copyText') navigator.clipboard?.writeText(message.text).catch(() => {})
  }

  /** A small row of emoji, and the way to all others. @param {Message} message */
  #showRow(message) {
    this.#bar.replaceChildren(...this.#emoji(message, () => this.hide()).flat())
    this.#place()
    find('button', this.#bar).focus()
  }

  /** The few at hand, and the button for all others. @param {Message} message @param {() => void} close @returns {[HTMLElement[], HTMLElement]} */
  #emoji(message, close) {
    const react = (/** @type {string} */ emoji) => {
      this.#does.react(message, emoji)
      this.#messages.nodeOf(message)?.focus({ preventScroll: true })
      this.hide()
    }
    const row = EMOJI.map(emoji => {
      const button = node('button', { class: 'tools__emoji', type: 'button', 'aria-label': say('reactWith', { emoji }) }, emoji)
      button.addEventListener('click', () => { close(); react(emoji) })
      return button
    })
    const other = node('button', { class: 'tools__emoji', type: 'button', 'aria-label': say('otherEmoji'), title: say('otherEmoji') }, icon('more'))
    other.addEventListener('click', () => { close(); seldom().then(all => all.chooseEmoji(react)).catch(() => {}) })
    return [row, other]
  }

  /** Everything that can be done with a line, in reach of a thumb. @param {EventTarget | null} target */
  #openSheet(target) {
    const message = this.#messages.at(target)
    if (!message?.id || message.gone) return false
    this.#showSheet(message).catch(() => {})
    return true
  }

  /** @param {Message} message */
  async #showSheet(message) {
    this.hide()
    const { openSheet } = await seldom()
    const close = () => dialog.close()
    const more = message.by.id === this.#me.id ? [] : await this.#does.more(message, close)
    const tools = /** @type {Exclude<Tool, 'react'>[]} */ ([...this.#toolsOf(message).filter(name => name !== 'react' && name !== 'more'), 'copyText'])
    const entries = tools.map(name => {
      const button = node('button', { class: `entry entry--${name}`, type: 'button' }, icon(name), say(name))
      button.addEventListener('click', () => { close(); this.#do(name, message) })
      return button
    })
    const [row, other] = this.#emoji(message, close)
    other.className = 'entry'
    other.ariaLabel = null
    other.replaceChildren(icon('react'), say('react'))
    const dialog = openSheet(say('lineOf', { name: message.by.name }), [
      node('div', { class: 'sheet__emoji' }, ...row), other, ...entries, ...more,
    ], { class: 'sheet--tools', hushed: true })
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
    const all = /** @type {HTMLElement[]} */ ([...this.#bar.querySelectorAll('button')])
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    if (step && event.target instanceof HTMLButtonElement) all[(at + step + all.length) % all.length].focus()
  }
}
