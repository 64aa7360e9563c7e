// @ts-check
import { call } from '../call.js'
import { NOTHING, isAfter, isDirect, isMade, pathOf } from '../chat.js'
import { limits } from '../limits.js'
import { onRemembered, recall, remember } from '../memory.js'
import { say } from '../say.js'
import { mentions } from './mention.js'

const MOST = 16 // rooms one keeps open; the one opened longest ago makes place
const MOST_NAMES = 500
const PAGE = 100
const PAGES = 10 // of what is unread in a room that are counted

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {{id: string, prev: string, mention: boolean}} Unread `prev`: the line before it */
/** @typedef {{room: string, id: string, prev: string, by: import('../chat.js').User, text?: string}} Said */

/**
 * The rooms that are open in this browser, and what is unread in each. A line
 * is read once it was on the screen. What is remembered of a room is its mark:
 * everything up to there was read.
 */
export class Rooms {
  onChange = () => {}
  /** @type {(room: string, id: string) => void} called when a room was read up to an id */
  onMark = () => {}
  #forYou = 0 // notices that were not looked at
  /** @type {Map<string, Unread[]>} in the order of their ids */
  #unread = new Map()
  /** @type {Map<string, string>} the newest event known of each room */
  #last = new Map()
  /** @type {Set<string>} names that were seen: "@Kim Larsen" does not call Kim */
  #names = new Set()
  /** @type {Set<string>} rooms with more unread lines than are counted: their mark stays */
  #partly = new Set()
  /** @type {Map<string, string>} what rooms are called whose address says nothing */
  #labels = new Map(Object.entries(recall('labels', {})))
  #me

  /** @param {import('../chat.js').User} me */
  constructor(me) {
    this.#me = me
    onRemembered('read.', () => this.#readElsewhere())
    onRemembered('rooms', () => this.onChange())
  }

  /** @returns {string[]} */
  get names() {
    return recall('rooms', [])
  }

  /** What a room is called. @param {string} room */
  label(room) {
    return isMade(room) ? this.#labels.get(room) ?? say(isDirect(room) ? 'direct' : 'private') : room
  }

  /** @param {string} room @param {string} label */
  call(room, label) {
    if (!label || !isMade(room) || this.#labels.get(room) === label) return
    remember('labels', { ...recall('labels', {}), [room]: label })
    this.#labels.set(room, label)
    this.onChange()
  }

  /** Opens a room, and answers with those that make place for it. @param {string} room @returns {string[]} */
  open(room) {
    const names = this.names
    const all = names.includes(room) ? names : [...names, room]
    const most = Math.min(MOST, limits().rooms)
    remember('rooms', all.slice(-most))
    this.onChange()
    return all.slice(0, -most)
  }

  /** @param {string} room */
  close(room) {
    remember('rooms', this.names.filter(name => name !== room))
    this.#unread.delete(room)
    this.onChange()
  }

  /** Everything up to this id was read. @param {string} room @returns {string} */
  mark(room) {
    return recall(`read.${room}`, NOTHING)
  }

  /** Reports whether one was there before. @param {string} room */
  knows(room) {
    return recall(`read.${room}`, null) !== null
  }

  /** Whoever comes to a room for the first time missed nothing. @param {string} room @param {string | undefined} last */
  begin(room, last) {
    if (!this.knows(room)) remember(`read.${room}`, last ?? NOTHING)
  }

  /** @param {string} room @returns {Unread[]} */
  unreadIn(room) {
    return this.#unread.get(room) ?? []
  }

  /** @param {string} room */
  unread(room) {
    const lines = this.unreadIn(room)
    return { n: lines.length, mention: lines.some(line => line.mention) }
  }

  /** What is unread, but for a room, and whether it speaks to oneself. @param {string} [but] */
  total(but) {
    const all = this.names.filter(name => name !== but).map(name => this.unread(name))
    return { n: all.reduce((n, one) => n + one.n, this.#forYou), mention: this.#forYou > 0 || all.some(one => one.mention) }
  }

  /** @param {number} n notices for oneself that are new */
  tellForYou(n) {
    if (n === this.#forYou) return
    this.#forYou = n
    this.onChange()
  }

  /** These lines, and what is between them, were on the screen. @param {string} room @param {string} from @param {string} to */
  see(room, from, to) {
    const lines = this.unreadIn(room)
    const rest = lines.filter(({ id }) => isAfter(from, id) || isAfter(id, to))
    if (rest.length < lines.length) {
      this.#unread.set(room, rest)
      this.onChange()
    }
    this.#settle(room)
  }

  /** All of it is read, because somebody says so. @param {string} room */
  readAll(room) {
    this.#partly.delete(room)
    this.#unread.delete(room)
    this.#settle(room)
    this.onChange()
  }

  /**
   * Counts an event, if it is a line of somebody else that was not read.
   * @param {Event} event
   * @returns {Unread | undefined} the line, if it is new
   */
  note(event) {
    const last = this.#last.get(event.room)
    if (!last || isAfter(event.id, last)) this.#last.set(event.room, event.id)
    this.learn([event.by.name])
    if (event.kind === 'delete') return this.#unsay(event)
    if (event.kind === 'message') return this.#count(event)
  }

  /** Remembers names of others. @param {string[]} names */
  learn(names) {
    for (const name of names) if (name !== this.#me.name && this.#names.size < MOST_NAMES) this.#names.add(name)
  }

  /** Counts the lines of a room that was loaded. @param {import('./room.js').Room} room @param {boolean} all whether it goes back to the mark */
  noteRoom(room, all) {
    const { name, lines, last, names } = room
    this.learn(names)
    if (last && isAfter(last, this.#last.get(name) ?? NOTHING)) this.#last.set(name, last)
    this.begin(name, last)
    if (!all) this.#partly.add(name)
    const mark = this.mark(name)
    for (let i = lines.length - 1; i >= 0 && isAfter(lines[i].id, mark); i--) {
      const { id, by, text, gone } = lines[i]
      if (!gone) this.#count({ room: name, id, prev: lines[i - 1]?.id ?? mark, by, text })
    }
  }

  /**
   * Counts what was said while nobody looked.
   * @param {string[]} names
   * @returns {Promise<Map<string, string>>} the cursor of each room, from which to listen on
   */
  async catchUp(names) {
    if (!names.length) return new Map()
    const { rooms } = await call('GET', `/rooms?${new URLSearchParams(names.map(name => ['room', name]))}`)
    const lasts = new Map(rooms.map((/** @type {{room: string, last: string}} */ { room, last }) => [room, last]))
    for (const { room, title } of rooms) this.call(room, title)
    const cursors = await Promise.all(names.map(name => this.#missed(name, lasts.get(name) ?? NOTHING)))
    return new Map(names.map((name, i) => [name, cursors[i]]))
  }

  /** @param {string} room @param {string} last @returns {Promise<string>} the cursor */
  async #missed(room, last) {
    let after = this.mark(room)
    for (let n = 0; isAfter(last, after); n++) {
      if (n === PAGES) {
        this.#partly.add(room)
        return last
      }
      const page = await call('GET', `${pathOf(room)}?${new URLSearchParams({ after, limit: String(PAGE) })}`)
      for (const event of page.events) this.note(event)
      after = page.events.at(-1)?.id ?? last
    }
    return after
  }

  /** @param {Said} said @returns {Unread | undefined} */
  #count({ room, id, prev, by, text = '' }) {
    if (by.id === this.#me.id || !isAfter(id, this.mark(room))) return
    const lines = this.unreadIn(room)
    const at = lines.findLastIndex(line => !isAfter(line.id, id))
    if (lines[at]?.id === id) return
    const line = { id, prev, mention: mentions(text, this.#me.name, this.#names) }
    this.#unread.set(room, lines.toSpliced(at + 1, 0, line))
    this.onChange()
    return line
  }

  /** Moves the mark to before the first line that is not read. @param {string} room */
  #settle(room) {
    if (this.#partly.has(room)) return
    const first = this.unreadIn(room)[0]
    const mark = first ? first.prev : this.#last.get(room)
    if (!mark || !isAfter(mark, this.mark(room))) return
    remember(`read.${room}`, mark)
    this.onMark(room, mark)
  }

  /** @param {Event} event @returns {undefined} */
  #unsay({ room, target }) {
    const lines = this.#unread.get(room)
    if (!lines) return
    this.#unread.set(room, lines.filter(line => line.id !== target))
    this.onChange()
  }

  /** It was read up to an id on another device. @param {string} room @param {string} id */
  readTo(room, id) {
    if (!isAfter(id, this.mark(room))) return
    remember(`read.${room}`, id)
    this.#readElsewhere()
  }

  #readElsewhere() {
    for (const [room, lines] of this.#unread) {
      const mark = this.mark(room)
      this.#unread.set(room, lines.filter(line => isAfter(line.id, mark)))
    }
    this.onChange()
  }
}
