// @ts-check
import { NOTHING, isAfter, timeOf } from '../chat.js'

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {import('../chat.js').User} User */
/** @typedef {'sent' | 'sending' | 'slow' | 'failed'} Fate of a line: on its way, for long, or not sent */

/** A line of talk, and what became of it. */
export class Message {
  id = ''
  edited = false
  gone = false
  /** @type {Map<string, Map<string, string>>} emoji to the ids and names of who chose it */
  reactions = new Map()
  /** @type {Fate} */
  fate = 'sent'
  why = '' // it failed
  revision = 0 // rises with every change, so that a screen knows
  /** @type {Map<string, string>} what was changed to the id of the event that did, so that a late one changes nothing */
  #changed = new Map()

  /** @param {{by: User, text?: string, reply?: string, key?: string, id?: string, edited?: boolean}} said */
  constructor({ id = '', by, text = '', reply, key, edited = false }) {
    this.id = id
    this.by = by
    this.text = text
    this.reply = reply
    this.key = key
    this.edited = edited
    this.written = Date.now() // counts until the server says when
  }

  get at() {
    return this.id ? timeOf(this.id) : this.written
  }

  /** The server has it. @param {Event} event */
  arrived({ id, text = '' }) {
    this.id = id
    this.text = text
    this.become('sent')
  }

  /** @param {Fate} fate @param {string} [why] */
  become(fate, why = '') {
    this.fate = fate
    this.why = why
    this.revision++
  }

  /** Takes an edit, a deletion or a reaction. Twice, or late, is no harm. @param {Event} event */
  change(event) {
    const what = event.kind === 'reaction' ? `${event.emoji} ${event.by.id}` : event.kind
    if (!isAfter(event.id, this.#changed.get(what) ?? NOTHING)) return
    this.#changed.set(what, event.id)
    this.revision++
    if (event.kind === 'edit') Object.assign(this, { text: event.text ?? '', edited: true })
    if (event.kind === 'delete') this.vanish()
    if (event.kind === 'reaction') this.#react(event)
  }

  vanish() {
    this.gone = true
    this.text = ''
    this.reactions.clear()
  }

  /** @param {Event} event */
  #react({ emoji = '', by, off }) {
    const who = this.reactions.get(emoji) ?? new Map()
    if (off) who.delete(by.id)
    else who.set(by.id, by.name)
    if (who.size) this.reactions.set(emoji, who)
    else this.reactions.delete(emoji)
  }
}
