// @ts-check
import { call } from '../call.js'
import { LOBBY, pathOf, roomOf } from '../chat.js'
import { roomInAddress } from './address.js'
import { Room } from './room.js'
import { save } from './saved.js'

const SAVE_EVERY = 10_000 // milliseconds

/** Where one is: a room, what goes out to it, and the way to another. */
export class Current {
  room
  #keeps = true
  #rooms
  #on

  /**
   * @param {import('../chat.js').User} me
   * @param {import('./rooms.js').Rooms} rooms
   * @param {{onShow: (name: string) => void, onChange: () => void, onClose: (name: string) => void, people: () => string[]}} on
   */
  constructor(me, rooms, on) {
    this.me = me
    this.#rooms = rooms
    this.#on = on
    this.room = new Room('', me)
    addEventListener('popstate', () => this.show(roomInAddress() ?? LOBBY))
    addEventListener('pagehide', () => this.#save())
    setInterval(() => this.#save(), SAVE_EVERY)
    navigator.serviceWorker?.addEventListener('message', ({ data }) => this.open(roomOf(data.open) ?? LOBBY))
  }

  /** Goes to a room. @param {string} name */
  open(name) {
    if (name === this.room.name) return
    history.pushState(null, '', pathOf(name))
    this.show(name)
  }

  /** Goes to a room, or to a line in it, as a link says. @param {string} path */
  follow(path) {
    history.pushState(null, '', path)
    this.show(roomInAddress() ?? LOBBY)
  }

  /** @param {string} name */
  show(name) {
    this.#save()
    this.room.onChange = () => {}
    this.room = new Room(name, this.me, this.#on.people)
    this.room.label = this.#rooms.label(name)
    this.room.onChange = this.#on.onChange
    for (const fell of this.#rooms.open(name)) this.#on.onClose(fell)
    this.#on.onShow(name)
  }

  /** Leaves a room, and goes to another if it is this one. @param {string} name */
  close(name) {
    this.#rooms.close(name)
    this.#on.onClose(name)
    if (name === this.room.name) this.open(this.#rooms.names[0] ?? LOBBY)
  }

  /** Whoever signs out leaves nothing on the device. */
  forget() {
    this.#keeps = false
  }

  #save() {
    if (this.#keeps) save(this.room)
  }

  /** The others may know that one writes; it is no harm if they do not. */
  write() {
    call('POST', pathOf(this.room.name, 'typing'), {}).catch(() => {})
  }
}
