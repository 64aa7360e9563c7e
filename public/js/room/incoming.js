// @ts-check
import { isAfter, isSignal } from '../chat.js'
import { perFrame } from './frame.js'
import { fillHole } from './history.js'

const ANOTHER = 300 // milliseconds in which another tab may show a line

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {import('../chat.js').Signal} Signal */

/** Gives what the stream brings to whom it concerns. */
export class Incoming {
  #to

  /**
   * @param {{here: import('./current.js').Current, rooms: import('./rooms.js').Rooms, people: import('./people.js').People,
   *   typing: import('./typing.js').Typing, connection: import('../link/connection.js').Connection,
   *   onMention: (event: Event) => void, onRule: (event: Event) => void, onInbox: (last: string) => void, onRead: (room: string, id: string) => void, onBye: (room: string) => void}} to `onRule`: a room or who is what in it changed; `onBye`: a room is not open any more
   */
  constructor(to) {
    this.#to = to
  }

  /** @param {import('../chat.js').Heard[]} heard */
  hear(heard) {
    const { rooms, here: { room } } = this.#to
    /** @type {Event[]} */
    const said = []
    for (const one of heard) {
      if (isSignal(one)) this.#signal(one)
      else if (this.#event(one) === room.name) said.push(one)
    }
    if (!said.length || room.saved) return
    const hole = room.hear(said)
    if (hole) fillHole(room, hole).then(() => rooms.noteRoom(room, true)).catch(() => this.#to.connection.retry())
  }

  /** Counts an event, and answers with its room. @param {Event} event */
  #event(event) {
    const { rooms, typing } = this.#to
    const fresh = rooms.note(event)
    if (fresh?.mention) setTimeout(perFrame(() => this.#alarm(event)), ANOTHER) // after this tab drew it
    if (event.kind === 'message') typing.stop(event.by.id)
    if (event.kind === 'member' || event.set) this.#to.onRule(event)
    return event.room
  }

  /** @param {Signal} signal */
  #signal(signal) {
    const { here: { me, room }, people, typing } = this.#to
    const { kind, by, id, inbox = kind === 'inbox' ? id : '' } = signal
    if (inbox) this.#to.onInbox(inbox)
    if (kind === 'read') this.#to.onRead(signal.room ?? '', id ?? '')
    if (kind === 'bye' && signal.room) this.#to.onBye(signal.room)
    if (kind === 'presence') people.note(signal)
    if (kind === 'typing' && signal.room === room.name && by && by.id !== me.id) typing.note(by)
    if (kind === 'reset' && (!signal.room || signal.room === room.name)) room.reset()
  }

  /** A line that speaks to me and that no tab shows. @param {Event} event */
  #alarm(event) {
    const { rooms, connection, onMention } = this.#to
    const unread = isAfter(event.id, rooms.mark(event.room))
    if (unread && (connection.leads || !navigator.locks)) onMention(event)
  }
}
