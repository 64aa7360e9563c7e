// @ts-check
import { NOTHING, isAfter, timeOf } from '../chat.js'

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {import('../chat.js').User} User */
/** @typedef {'sent' | 'sending' | 'slow' | 'failed'} Fate of a line or a change: on its way, for long, or not sent */
/**
 * @typedef {object} Change an own change to a line, which the server does not have yet
 * @property {'edit' | 'delete' | 'react'} kind
 * @property {string} [text]
 * @property {string} [emoji]
 * @property {boolean} [off]
 * @property {Fate} fate
 * @property {string} why
 */

/** A line of talk, what became of it, and what its reader wants to become of it. */
export class Message {
  id = ''
  /** @type {Change[]} own changes on their way: the screen shows them as made */
  changes = []
  revision = 0 // rises with every change, so that a screen knows
  #at
  #text
  #edited
  #gone = false
  /** @type {Fate} */
  #fate = 'sent'
  #why = ''
  /** @type {(event: Event) => void} called when the server has it */
  onArrived = () => {}
  /** @type {Map<string, Map<string, string>>} emoji to the ids and names of who chose it */
  #reactions = new Map()
  /** @type {Map<string, string>} what was changed to the id of the event that did, so that a late one changes nothing */
  #changed = new Map()

  /** @param {{by: User, text?: string, reply?: string, key?: string, keyHash?: string, id?: string, at?: number, edited?: boolean}} said */
  constructor({ id = '', at, by, text = '', reply, key, keyHash, edited = false }) {
    this.id = id
    this.#at = at
    this.by = by
    this.reply = reply
    this.key = key
    this.keyHash = keyHash
    this.written = Date.now() // counts until the server says when
    this.#text = text
    this.#edited = edited
  }

  get at() {
    return this.#at ?? (this.id ? timeOf(this.id) : this.written)
  }

  get #edit() {
    return this.changes.findLast(({ kind }) => kind === 'edit')
  }

  get gone() {
    return this.#gone || this.changes.some(({ kind }) => kind === 'delete')
  }

  get text() {
    return this.gone ? '' : this.#edit?.text ?? this.#text
  }

  get edited() {
    return this.#edited || !!this.#edit
  }

  get fate() {
    return this.#edit?.fate ?? this.#fate
  }

  /** Why it failed. */
  get why() {
    return this.#edit?.why ?? this.#why
  }

  /** Reports whether it is the change of the line that is on its way, and not the line. */
  get changing() {
    return !!this.#edit
  }

  /** Who chose which emoji. @param {User} me */
  reactions(me) {
    const all = new Map(this.gone ? [] : this.#reactions)
    for (const { kind, emoji = '', off } of this.changes) {
      if (kind !== 'react') continue
      const who = new Map(all.get(emoji))
      if (off) who.delete(me.id)
      else who.set(me.id, me.name)
      if (who.size) all.set(emoji, who)
      else all.delete(emoji)
    }
    return all
  }

  /** The server has it. @param {Event} event */
  arrived(event) {
    const { id, at, text = '' } = event
    this.id = id
    this.#at = at
    this.#text = text
    this.#settle('sent')
    this.onArrived(event)
  }

  /** Reports whether an event of the same user is this line, which is on its way. Without a hash the text tells. @param {import('../chat.js').Event} event */
  isSaidBy({ keyHash, text = '' }) {
    return this.keyHash ? this.keyHash === keyHash : !!keyHash && this.#text.trim() === text.trim()
  }

  /** What becomes of a line on its way. A line that arrived stays sent, however late its answer comes. @param {Fate} fate @param {string} [why] */
  become(fate, why = '') {
    if (!this.id) this.#settle(fate, why)
  }

  /** @param {Fate} fate */
  #settle(fate, why = '') {
    this.#fate = fate
    this.#why = why
    this.revision++
  }

  /** Takes an edit, a deletion or a reaction. Twice, or late, is no harm. @param {Event} event */
  change(event) {
    const what = event.kind === 'reaction' ? `${event.emoji} ${event.by.id}` : event.kind
    if (!isAfter(event.id, this.#changed.get(what) ?? NOTHING)) return
    this.#changed.set(what, event.id)
    this.revision++
    if (event.kind === 'edit') [this.#text, this.#edited] = [event.text ?? '', true]
    if (event.kind === 'delete') this.vanish()
    if (event.kind === 'reaction') this.#react(event)
  }

  vanish() {
    this.#gone = true
    this.#text = ''
    this.#reactions.clear()
  }

  /** @param {Event} event */
  #react({ emoji = '', by, off }) {
    const who = this.#reactions.get(emoji) ?? new Map()
    if (off) who.delete(by.id)
    else who.set(by.id, by.name)
    if (who.size) this.#reactions.set(emoji, who)
    else this.#reactions.delete(emoji)
  }
}
