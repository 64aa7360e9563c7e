// @ts-check
import { isDirect } from '../chat.js'
import { find } from '../room/node.js'
import { openSheet } from '../room/sheet.js'
import { acts } from './acts.js'
import { Facts } from './facts.js'
import { addIcons } from './icons.js'
import { Inbox } from './inbox.js'
import { makeRoom } from './make.js'
import { describe } from './notes.js'
import { Notice } from './notice.js'
import { Panel } from './panel.js'
import { Person } from './person.js'

/** @typedef {import('../chat.js').User} User */
/** @typedef {import('../chat.js').Event} Event */
/**
 * @typedef {object} Parts of the page
 * @property {import('../room/current.js').Current} here
 * @property {import('../room/rooms.js').Rooms} rooms
 * @property {import('../room/people.js').People} people
 * @property {import('../room/composer.js').Composer} composer
 * @property {import('../room/log.js').Log} log
 * @property {import('../room/status.js').Status} status
 * @property {() => void} onOpen a panel is opened
 * @property {(room: string) => void} onRoom there is one more to listen to
 */

/**
 * Rooms that belong to somebody: what one may do in the room that is shown,
 * and the ways to do it. Loaded with the first such room.
 */
export class Rights {
  parts
  facts
  person
  /** the member after whom there are more that are not loaded; "": there are none */
  after = ''
  inbox
  #notice = new Notice()
  #panel
  /** @type {Event[] | null} what happened while the members are asked for */
  #meanwhile = null
  /** @type {import('../call.js').Problem | null} why the room is not open any more */
  #expelled = null

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts
    this.facts = new Facts(parts.here.me.id)
    addIcons(find('svg.hush'))
    this.person = new Person(this, text => parts.status.tell(text))
    this.inbox = new Inbox(parts, () => { this.#panel.toggle(false); parts.onOpen() })
    this.#panel = new Panel(this, () => { this.inbox.toggle(false); parts.onOpen() })
    parts.log.tell(describe)
  }

  /** Another room is shown. */
  show() {
    this.facts = new Facts(this.parts.here.me.id)
    this.#expelled = this.#meanwhile = null
    this.after = ''
    this.#panel.show(false)
    this.inbox.toggle(false)
    this.draw()
  }

  /** Asks who belongs to the room, and what its rules are. */
  async load() {
    const { here, rooms } = this.parts
    const { room } = here
    const heard = this.#meanwhile = /** @type {Event[]} */ ([])
    const answer = await acts.members(room.name).catch(() => null) // a server without this has no such rooms
    if (!answer || room !== here.room) return
    this.facts.take(answer)
    this.page(answer)
    for (const event of heard) this.facts.hear(event)
    this.#meanwhile = null
    this.#expelled = null
    if (isDirect(room.name) && !room.title) rooms.call(room.name, answer.members.filter(({ user }) => user.id !== here.me.id).map(({ user }) => user.name).join(', '))
    room.onChange()
    this.#panel.show(true)
    this.draw()
  }

  /** Notes where the next page of members begins. @param {import('./facts.js').Answer} answer */
  page({ members, more }) {
    this.after = more ? members.at(-1)?.user.id ?? '' : ''
  }

  /** A room, or who is what in it, changed. @param {Event} event */
  hear(event) {
    this.#meanwhile?.push(event)
    this.facts.hear(event)
    this.draw()
  }

  /** Something was done here, and the server has it. @param {Event} event */
  did(event) {
    this.hear(event)
    this.parts.here.room.confirm(event)
  }

  /** Reports whether nothing may be sent now; it is said why. */
  refuses() {
    const refusal = this.#refusal()
    this.#show(refusal)
    if (refusal) this.#notice.insist()
    return !!refusal
  }

  /** The room that is shown is not open any more. @param {import('../call.js').Problem} why */
  expelled(why) {
    this.#expelled = why
    this.#panel.show(false)
    this.draw()
  }

  /** What can be done with somebody else's line. @param {import('../room/message.js').Message} line @param {() => void} close */
  entries(line, close) {
    return this.person.ofLine(line, close)
  }

  /** @param {User} user */
  showPerson(user) {
    const sheet = openSheet(user.name, this.person.of(user, () => sheet.close()), { class: 'sheet--tools' })
  }

  /** Makes a room, and goes there. @param {string} title */
  make(title) {
    const { here, rooms, composer } = this.parts
    makeRoom(title, made => {
      rooms.call(made.room, made.title)
      here.open(made.room)
      composer.focus()
    })
  }

  /** Reports whether there was anything to close. */
  close() {
    const open = !this.#panel.node.hidden || !this.inbox.node.hidden
    this.toggle(false)
    return open
  }

  /** Closes the panels, which others do not open. @param {boolean} _open */
  toggle(_open) {
    this.#panel.toggle(false)
    this.inbox.toggle(false)
  }

  /** What is known of the room, or who is here, changed. */
  draw() {
    this.#panel.draw()
    this.#notice.rules(this.facts.settings)
    this.#show(this.#refusal())
  }

  /** @param {import('./facts.js').Refusal | null} refusal */
  #show(refusal) {
    this.#notice.show(refusal, () => this.#show(this.#refusal()))
  }

  /** @returns {import('./facts.js').Refusal | null} */
  #refusal() {
    if (this.#expelled) return { why: this.#expelled.status === 403 ? 'banned' : 'gone', until: 0, reason: this.#expelled.message }
    return this.facts.refusal(Date.now(), this.#lastSaid())
  }

  /** When one said something here last, by the clock of this machine. */
  #lastSaid() {
    const { room } = this.parts.here
    const mine = room.pending.at(-1)?.written ?? room.lines.findLast(line => line.by.id === room.me.id)?.at
    return mine === undefined ? -Infinity : Math.min(mine, Date.now())
  }
}
