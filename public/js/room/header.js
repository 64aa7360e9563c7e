// @ts-check
import { isMade } from '../chat.js'
import { Badge } from './badge.js'
import { Contents } from './contents.js'
import { perFrame } from './frame.js'
import { find } from './node.js'

/** The room's name and topic, the rooms beside it, and what waits in them. */
export class Header {
  contents
  #badge = new Badge()
  #name = find('.bar__room bdi')
  #topic = find('.bar__topic')
  #here
  #rooms

  /**
   * @param {import('./current.js').Current} here
   * @param {import('./rooms.js').Rooms} rooms
   */
  constructor(here, rooms) {
    this.#here = here
    this.#rooms = rooms
    this.contents = new Contents(rooms, here.me.name, here)
    rooms.onChange = perFrame(() => setTimeout(() => this.draw())) // after the log: what it shows is read
  }

  draw() {
    const { name, label } = this.#here.room
    this.contents.draw(name)
    this.#badge.draw(label, this.#rooms.total().n)
    if (this.#name.textContent !== label) this.#name.textContent = label
    this.change()
  }

  /** The room changed, but not which it is. */
  change() {
    const { name, title: topic } = this.#here.room
    const title = isMade(name) ? '' : topic // which is what it is called
    if (this.#topic.textContent === title) return
    this.#topic.textContent = this.#topic.title = title
  }
}
