// @ts-check
import { timeOf } from '../chat.js'
import { say } from '../say.js'
import { hourOf, nameOfDay } from './clock.js'
import { node } from './node.js'

/** What stands between lines: the days, and where the new ones begin. */
export class Rules {
  /** @type {Map<number, HTMLElement>} */
  #days = new Map()
  /** @type {Map<string, HTMLElement>} */
  #notes = new Map()
  #new = node('li', { class: 'new' }, node('span'))
  /** @type {(event: import('../chat.js').Event) => string | null} words for an event about the rules of the room, "\0" where the name of its author goes */
  describe = () => null

  /** @param {number} day */
  day(day) {
    let li = this.#days.get(day)
    if (!li) this.#days.set(day, li = node('li', { class: 'day' }, node('time', { datetime: isoOf(day) })))
    write(li, nameOfDay(day))
    return li
  }

  /** Somebody changed the room, or who is what in it; null: that needs no telling. @param {import('../chat.js').Event} event */
  note(event) {
    const { id, by } = event
    const known = this.#notes.get(id)
    if (known) return known
    const words = this.#words(event)
    if (!words) return null
    const [before, after] = words.split('\0')
    const li = node('li', { class: 'note' }, before, node('bdi', {}, by.name), node('span', { dir: 'auto' }, after))
    this.#notes.set(id, li)
    return li
  }

  /** @param {import('../chat.js').Event} event */
  #words(event) {
    const { kind, text = '', set } = event
    if (kind === 'room' && !set) return say(text ? 'topicNow' : 'topicGone', { name: '\0', topic: text })
    return this.describe(event)
  }

  /** @param {string} id of the line read last */
  newSince(id) {
    write(this.#new, say('newSince', { time: hourOf(timeOf(id)) }))
    return this.#new
  }
}

/** Touches nothing that is right already. @param {Element} li @param {string} text */
function write(li, text) {
  const inner = /** @type {Element} */ (li.firstChild)
  if (inner.textContent !== text) inner.textContent = text
}

/** A local day as 2026-11-20. @param {number} day */
function isoOf(day) {
  const date = new Date(day)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(n => String(n).padStart(2, '0')).join('-')
}
