// @ts-check
import { Badge } from './badge.js'
import { perFrame } from './frame.js'
import { find } from './node.js'
import { Tabs } from './tabs.js'

/** The room's name and topic, the rooms beside it, and what waits in them. */
export class Header {
  #badge = new Badge()
  #name = find('.bar__room bdi')
  #topic = find('.bar__topic')
  #here
  #rooms
  #tabs

  /**
   * @param {import('./here.js').Here} here
   * @param {import('./rooms.js').Rooms} rooms
   */
  constructor(here, rooms) {
    this.#here = here
    this.#rooms = rooms
    this.#tabs = new Tabs(rooms, here)
    rooms.onChange = perFrame(() => this.draw())
  }

  draw() {
    const { name } = this.#here.room
    this.#tabs.draw(name)
    this.#badge.draw(name, this.#rooms.total)
    this.#name.textContent = name
    this.change()
  }

  /** The room changed, but not which it is. */
  change() {
    this.#topic.textContent = this.#here.room.title
  }
}
