// @ts-check
import { isAfter } from '../chat.js'
import { say } from '../say.js'
import { find } from './node.js'

/** The ways through a room: back to the end, to the first line that is unread, to where one is mentioned. */
export class Ways {
  #jump = find('.jump')
  #above = find('.ways')
  #first = find('.ways__first')
  #mention = find('.ways__mention')
  #messages
  #rooms
  #here

  /**
   * @param {import('./messages.js').Messages} messages
   * @param {import('./rooms.js').Rooms} rooms
   * @param {import('./current.js').Current} here
   */
  constructor(messages, rooms, here) {
    this.#messages = messages
    this.#rooms = rooms
    this.#here = here
    this.#jump.addEventListener('click', () => messages.toEnd())
    this.#first.addEventListener('click', () => messages.goTo(this.#unread[0]?.id, 'start'))
    this.#mention.addEventListener('click', () => messages.goTo(this.#unread.find(({ mention }) => mention)?.id))
    find('.ways__all').addEventListener('click', () => { rooms.readAll(here.room.name); this.draw() })
  }

  get #unread() {
    return this.#rooms.unreadIn(this.#here.room.name)
  }

  draw() {
    const [from, to] = this.#messages.seen ?? ['', '']
    const above = this.#unread.filter(({ id }) => from && isAfter(from, id))
    const below = this.#unread.filter(({ id }) => to && isAfter(id, to))
    const { following, far } = this.#messages
    this.#jump.hidden = following || !(below.length || far)
    write(this.#jump, below.length ? say('newMessages', { n: below.length }) : say('jump'))
    this.#first.hidden = !above.length
    this.#mention.hidden = ![...above, ...below].some(({ mention }) => mention)
    this.#above.hidden = this.#first.hidden && this.#mention.hidden
  }
}

/** @param {Element} button @param {string} text */
function write(button, text) {
  if (button.textContent !== text) button.textContent = text
}
