// @ts-check
import { call } from '../call.js'
import { NOTHING, isAfter, pathOf } from '../chat.js'
import { onRemembered, recall, remember } from '../memory.js'
import { mentions } from './mention.js'

const MOST = 16 // rooms one keeps open; the one opened longest ago makes place
const COUNTED = 100 // unread lines of a room that are counted

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {{id: string, mention: boolean}} Unread */

/** The rooms that are open in this browser, and what is unread in each. */
export class Rooms {
  onChange = () => {}
  /** @type {Map<string, Unread[]>} */
  #unread = new Map()
  #me

  /** @param {import('../chat.js').User} me */
  constructor(me) {
    this.#me = me
    onRemembered('read.', () => this.#forgetRead())
    onRemembered('rooms', () => this.onChange())
  }

  /** @returns {string[]} */
  get names() {
    return recall('rooms', [])
  }

  /** @param {string} room */
  open(room) {
    const names = this.names
    if (!names.includes(room)) remember('rooms', [...names, room].slice(-MOST))
    this.onChange()
  }

  /** @param {string} room */
  close(room) {
    remember('rooms', this.names.filter(name => name !== room))
    this.#unread.delete(room)
    this.onChange()
  }

  /** The id of the line read last. @param {string} room @returns {string} */
  mark(room) {
    return recall(`read.${room}`, NOTHING)
  }

  /** @param {string} room */
  unread(room) {
    const lines = this.#unread.get(room) ?? []
    return { n: lines.length, mention: lines.some(line => line.mention) }
  }

  get total() {
    return this.names.reduce((n, room) => n + this.unread(room).n, 0)
  }

  /** Everything up to this line was read. @param {string} room @param {string | undefined} id */
  read(room, id) {
    if (!id || !isAfter(id, this.mark(room))) return
    remember(`read.${room}`, id)
    this.#forgetRead()
  }

  /**
   * Counts an event, if it is a line of somebody else that was not read.
   * @param {Event} event
   * @returns {Unread | undefined} the line, if it is new
   */
  note(event) {
    if (event.kind === 'delete') return this.#unsay(event)
    if (event.kind !== 'message' || event.by.id === this.#me.id || !isAfter(event.id, this.mark(event.room))) return
    const lines = this.#unread.get(event.room) ?? []
    if (lines.some(line => line.id === event.id)) return
    const line = { id: event.id, mention: mentions(event.text ?? '', this.#me.name) }
    this.#unread.set(event.room, [...lines, line].slice(-COUNTED))
    this.onChange()
    return line
  }

  /**
   * Counts what was said while nobody looked.
   * @param {string[]} names
   * @returns {Promise<Map<string, string>>} the cursor of each room, from which to listen on
   */
  async catchUp(names) {
    /** @type {Map<string, string>} */
    const cursors = new Map()
    if (!names.length) return cursors
    const { rooms } = await call('GET', `/rooms?${new URLSearchParams(names.map(name => ['room', name]))}`)
    const lasts = new Map(rooms.map((/** @type {{room: string, last: string}} */ { room, last }) => [room, last]))
    await Promise.all(names.map(async name => {
      const mark = this.mark(name)
      let last = lasts.get(name) ?? NOTHING
      if (isAfter(last, mark)) {
        const page = await call('GET', `${pathOf(name)}?limit=${COUNTED}`)
        for (const event of page.events) this.note(event)
        last = page.cursor
      }
      cursors.set(name, last)
    }))
    return cursors
  }

  /** @param {Event} event @returns {undefined} */
  #unsay({ room, target }) {
    const lines = this.#unread.get(room)
    if (!lines) return
    this.#unread.set(room, lines.filter(line => line.id !== target))
    this.onChange()
  }

  #forgetRead() {
    for (const [room, lines] of this.#unread) {
      const mark = this.mark(room)
      this.#unread.set(room, lines.filter(line => isAfter(line.id, mark)))
    }
    this.onChange()
  }
}
