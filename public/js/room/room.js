// @ts-check
import { isAfter } from '../chat.js'
import { Message } from './message.js'

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {{events: Event[], cursor: string, more: boolean, title: string, access?: string}} Page of history; `access`: of a room that somebody made */

/** What was said in a room, as far as this tab knows: in the server's order, each line once. */
export class Room {
  title = ''
  access = '' // of a room that somebody made: it has rules of its own
  label = '' // what it is called
  /** @type {Message[]} in the order of their ids */
  lines = []
  /** @type {Message[]} own lines that the server does not have yet */
  pending = []
  /** @type {Event[]} changes of the room and of who is what in it, in the order of their ids */
  notes = []
  more = true // there are older lines
  loaded = false
  saved = false // shows what was kept in this browser
  /** @type {string | undefined} the id of the oldest event known */
  first
  /** @type {string | undefined} the id of the newest event known */
  last
  onChange = () => {}
  /** @type {Map<string, Message>} */
  #byId = new Map()
  /** @type {Map<string, Event[]>} changes to lines that are not loaded */
  #strays = new Map()
  /** @type {Map<string, import('./message.js').Change[]>} own changes on their way, by the id of their line */
  #wishes = new Map()

  /** @param {string} name @param {import('../chat.js').User} me @param {() => string[]} [people] the names of the others who are here */
  constructor(name, me, people = () => []) {
    this.name = this.label = name
    this.me = me
    this.people = people
  }

  /** Who may be spoken of: who spoke lately, and who is here. */
  get names() {
    return [...this.speakers, ...this.people()]
  }

  /** @param {string | undefined} id */
  find(id) {
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** How a line reads after all that is known to have become of it, loaded or not; nothing where nothing is known. @param {string} id */
  now(id) {
    const line = this.#byId.get(id)
    if (line) return line
    const changes = this.#strays.get(id) ?? []
    if (changes.some(({ kind }) => kind === 'delete')) return { gone: true, text: '' }
    const edit = changes.findLast(({ kind }) => kind === 'edit')
    return edit && { gone: false, text: edit.text ?? '' }
  }

  /** Own last line that can be edited. */
  get mine() {
    return this.lines.findLast(line => line.by.id === this.me.id && !line.gone)
  }

  /** Who spoke lately, but for oneself. */
  get speakers() {
    return [...new Set(this.lines.slice(-200).filter(line => line.by.id !== this.me.id).map(line => line.by.name).reverse())]
  }

  /**
   * Takes events as they happen.
   * @param {Event[]} events
   * @returns {string | undefined} where a hole begins, if one shows: what is after it must be asked for
   */
  hear(events) {
    let hole
    for (const event of events) {
      if (this.last && isAfter(event.id, this.last) && event.prev !== this.last) hole ??= this.last
      this.#take(event)
    }
    this.#settle()
    this.onChange()
    return hole
  }

  /** Takes a page of history. @param {Page} page */
  load(page) {
    if (!this.first || !page.events[0] || isAfter(this.first, page.events[0].id)) this.more = page.more
    for (const event of page.events) this.#take(event)
    this.#advance(page.cursor)
    this.title = page.title
    this.access = page.access ?? this.access
    this.loaded = true
    this.#settle()
    this.onChange()
  }

  /** Forgets what it knows, but not what was not sent. */
  reset() {
    this.lines = []
    this.notes = []
    this.#byId.clear()
    this.#strays.clear()
    this.first = this.last = undefined
    this.more = true
    this.saved = false
    this.onChange()
  }

  /** An own line, on its way. @param {Message} message */
  send(message) {
    this.pending.push(message)
    this.onChange()
  }

  /** The server took an own line, or a change. What came before it may still be under way. @param {Event} event */
  confirm(event) {
    if (event.kind === 'message') this.#say(event)
    else if (event.kind === 'room') this.#note(event, true)
    else this.#byId.get(event.target ?? '')?.change(event)
    this.onChange()
  }

  /** An own change, on its way. @param {string} id of its line @param {import('./message.js').Change} change */
  wish(id, change) {
    const all = this.#wishes.get(id) ?? []
    if (!all.includes(change)) this.#wishes.set(id, [...all, change])
    this.touch(id)
    this.onChange()
  }

  /** @param {string} id of its line @param {import('./message.js').Change} change */
  unwish(id, change) {
    this.#wishes.set(id, (this.#wishes.get(id) ?? []).filter(one => one !== change))
    this.touch(id)
    this.onChange()
  }

  /** The changes of a line changed. @param {string} id */
  touch(id) {
    const message = this.#byId.get(id)
    if (!message) return
    message.changes = this.#wishes.get(id) ?? []
    message.revision++
  }

  /** An own line that will not be sent. @param {Message} message */
  drop(message) {
    this.pending = this.pending.filter(one => one !== message)
    this.onChange()
  }

  /** @param {Event} event */
  #take(event) {
    if (!this.first || isAfter(this.first, event.id)) this.first = event.id
    this.#advance(event.id)
    if (event.kind === 'message') this.#say(event)
    else if (event.kind === 'room' || event.kind === 'member') this.#note(event)
    else if (event.kind !== 'notice') this.#change(event)
  }

  /** @param {Event} event @param {boolean} isNewest */
  #note(event, isNewest = event.id === this.last) {
    const { access } = event.set ?? {}
    if (isNewest && event.kind === 'room' && (!event.set || event.text)) this.title = event.text ?? ''
    if (isNewest && access) this.access = String(access)
    const at = this.notes.findLastIndex(note => !isAfter(note.id, event.id))
    if (this.notes[at]?.id !== event.id) this.notes.splice(at + 1, 0, event)
  }

  /** @param {string} id */
  #advance(id) {
    if (!this.last || isAfter(id, this.last)) this.last = id
  }

  /** @param {Event} event */
  #say(event) {
    if (this.#byId.has(event.id)) return
    const mine = event.by.id === this.me.id && this.pending.find(one => one.isSaidBy(event))
    if (mine) {
      this.pending = this.pending.filter(one => one !== mine)
      mine.arrived(event)
    }
    this.#insert(mine || new Message(event))
  }

  /** @param {Message} message */
  #insert(message) {
    this.#byId.set(message.id, message)
    this.lines.splice(this.#place(message.id), 0, message)
    for (const event of this.#strays.get(message.id) ?? []) message.change(event)
    this.#strays.delete(message.id)
    this.touch(message.id)
  }

  /** Where in the lines an id belongs: mostly at the end. @param {string} id */
  #place(id) {
    let [from, to] = [0, this.lines.length]
    if (!to || isAfter(id, this.lines[to - 1].id)) return to
    while (from < to) {
      const middle = (from + to) >> 1
      if (isAfter(id, this.lines[middle].id)) from = middle + 1
      else to = middle
    }
    return from
  }

  /** @param {Event} event */
  #change(event) {
    const target = event.target ?? ''
    const message = this.#byId.get(target)
    if (message) return message.change(event)
    this.#strays.set(target, [...this.#strays.get(target) ?? [], event])
  }

  /** A deleted line left only its deletion in the log: it gets its place back, without its words. */
  #settle() {
    for (const [target, events] of this.#strays) {
      const removal = events.find(event => event.kind === 'delete')
      if (!removal || (this.more && (!this.first || isAfter(this.first, target)))) continue
      const gone = new Message({ id: target, by: removal.by })
      gone.vanish()
      this.#insert(gone)
    }
  }
}
