// @ts-check
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
    const { name } = this.#here.room
    this.contents.draw(name)
    this.#badge.draw(name, this.#rooms.total().n)
    if (this.#name.textContent !== name) this.#name.textContent = name
    this.change()
  }

  /** The room changed, but not which it is. */
  change() {
    const { title } = this.#here.room
    if (this.#topic.textContent === title) return
    this.#topic.textContent = this.#topic.title = title
  }
}
