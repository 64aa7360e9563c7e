// @ts-check
import { LOBBY, pathOf } from '../chat.js'
import { roomInAddress } from './address.js'
import { Outbox } from './outbox.js'
import { Room } from './room.js'
import { save } from './saved.js'

const SAVE_EVERY = 10_000 // milliseconds

/** Where one is: a room, what goes out to it, and the way to another. */
export class Here {
  room
  outbox
  #on

  /**
   * @param {import('../chat.js').User} me
   * @param {{onShow: (name: string) => void, onChange: () => void, onSignedOut: () => void}} on
   */
  constructor(me, on) {
    this.me = me
    this.#on = on
    this.room = new Room('', me)
    this.outbox = new Outbox(this.room, on.onSignedOut)
    addEventListener('popstate', () => this.show(roomInAddress() ?? LOBBY))
    addEventListener('pagehide', () => save(this.room))
    setInterval(() => save(this.room), SAVE_EVERY)
    navigator.serviceWorker?.addEventListener('message', ({ data }) => this.open(data.open.split('/')[2]))
  }

  /** Goes to a room. @param {string} name */
  open(name) {
    if (name === this.room.name) return
    history.pushState(null, '', pathOf(name))
    this.show(name)
  }

  /** @param {string} name */
  show(name) {
    save(this.room)
    this.room.onChange = () => {}
    this.room = new Room(name, this.me)
    this.room.onChange = this.#on.onChange
    this.outbox = new Outbox(this.room, this.#on.onSignedOut)
    this.#on.onShow(name)
  }
}
