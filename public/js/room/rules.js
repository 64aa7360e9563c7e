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

  /** @param {number} day */
  day(day) {
    let li = this.#days.get(day)
    if (!li) this.#days.set(day, li = node('li', { class: 'day' }, node('time', { datetime: isoOf(day) })))
    write(li, nameOfDay(day))
    return li
  }

  /** Somebody changed what the room is about. @param {import('../chat.js').Event} event */
  note({ id, by, text = '' }) {
    let li = this.#notes.get(id)
    if (li) return li
    const [before, after] = say(text ? 'topicNow' : 'topicGone', { name: '\0', topic: text }).split('\0')
    li = node('li', { class: 'note' }, before, node('bdi', {}, by.name), node('span', { dir: 'auto' }, after))
    this.#notes.set(id, li)
    return li
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
