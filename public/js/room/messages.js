// @ts-check
import { isAfter } from '../chat.js'
import { say } from '../say.js'
import { setChildren } from './children.js'
import { dayOf, today } from './clock.js'
import { Beginning } from './beginning.js'
import { perFrame } from './frame.js'
import { Line } from './line.js'
import { find } from './node.js'
import { Rules } from './rules.js'

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

const NEAR = 80 // pixels from the end, within which the screen follows
const AHEAD = 800 // pixels before an edge, where more is shown
const STEP = 60 // lines shown more at an edge
const FIRST = 50 // lines shown of a room that is opened
const MOST = 300 // lines in the page, however long the room
const SLACK = 4 // pixels of a line that may be off the screen
const DAY = 24 * 60 * 60_000 // milliseconds after which a name that changed hands is nobody's any more
const GROUP = 5 * 60_000 // milliseconds within which lines of one author are a group

/**
 * The log: the part of a room that is on the screen. It follows the end while
 * the reader is there, and else never moves what is being read.
 */
export class Messages {
  onOlder = () => {}
  onSeen = () => {} // the scroll moved, or lines came
  following = true
  leapt = false // over lines that were not on the screen
  #log = /** @type {HTMLElement} */ (find('.log'))
  #list = /** @type {HTMLElement} */ (find('.lines'))
  /** @type {Room} */
  #room
  /** @type {WeakMap<Message, Line>} */
  #lines = new WeakMap()
  /** @type {WeakMap<Element, Message>} */
  #messages = new WeakMap()
  rules = new Rules()
  #beginning = new Beginning()
  #today = today()
  /** @type {Message | undefined} the first line shown; none: the last MOST of them */
  #top
  /** @type {Message | undefined} the last line shown; none: the end */
  #bottom
  /** @type {string | undefined} the line read last, before the rule "new since" */
  newAfter
  /** @type {[string, string] | undefined} the ids of the first and the last line that are on the screen */
  seen
  /** @type {{li: HTMLElement, top: number} | undefined} the line under the eye, and how far below the top of the log it is */
  #eye
  /** @type {(() => string | undefined) | undefined} the line at which a room opens, asked for once it is loaded */
  #opensAt

  /** @param {Room} room */
  constructor(room) {
    this.#room = room
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true })
    const resized = new ResizeObserver(() => (this.following ? this.toEnd() : this.#keepPlace()))
    resized.observe(this.#log)
    resized.observe(this.#list)
  }

  /** Shows another room. @param {Room} room @param {string} newAfter @param {() => string | undefined} opensAt the first unread line */
  show(room, newAfter, opensAt) {
    this.#room = room
    this.#top = this.#bottom = this.seen = undefined
    this.newAfter = newAfter
    this.#opensAt = opensAt
    this.following = true
    this.#log.ariaBusy = 'true'
    this.rename()
    this.draw()
  }

  rename() {
    this.#log.ariaLabel = say('messagesIn', { room: this.#room.label })
  }

  /** Draws again if another day began, or the machine is in another time zone. */
  look() {
    if (today() !== this.#today) this.draw()
  }

  /** Draws with the next frame. */
  change = perFrame(() => this.draw())

  draw() {
    this.#put()
    this.#openAtUnread()
    this.#look()
  }

  /** Brings the lines of the window into the page. */
  #put() {
    this.#today = today()
    const lines = this.#window()
    const held = this.following ? undefined : this.#hold(lines)
    setChildren(this.#list, this.#items(lines))
    this.#beginning.draw(this.#room, lines[0] === this.#room.lines[0])
    if (this.following) this.toEnd()
    else held?.()
    if (this.#room.loaded) requestAnimationFrame(() => { this.#log.ariaBusy = null })
  }

  /** A room with more than a page unread opens where that begins. */
  #openAtUnread() {
    const { loaded, saved } = this.#room
    if (!loaded || saved || !this.#opensAt) return
    const id = this.#opensAt()
    this.#opensAt = undefined
    const first = this.#room.find(id)
    if (!first) return
    const li = this.nodeOf(first)
    if (li?.isConnected && li.getBoundingClientRect().top >= this.#log.getBoundingClientRect().top) return
    this.#centre(first, 'start')
  }

  /** The width changed, and with it the height of all that is above: what is read stays under the eye. */
  #keepPlace() {
    if (!this.#eye?.li.isConnected) return
    const { li, top } = this.#eye
    this.#log.scrollTop += li.getBoundingClientRect().top - this.#log.getBoundingClientRect().top - top
  }

  /** Notes which lines are on the screen. */
  #look() {
    this.seen = this.#onScreen()
    this.onSeen()
  }

  /** @returns {[string, string] | undefined} */
  #onScreen() {
    const { top, bottom } = this.#log.getBoundingClientRect()
    const all = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#list.children)
    const from = firstOf(all, li => li.getBoundingClientRect().bottom > top + SLACK)
    const to = firstOf(all, li => li.getBoundingClientRect().bottom > bottom + SLACK)
    this.#eye = all[from] && { li: all[from], top: all[from].getBoundingClientRect().top - top }
    const ids = []
    for (let i = from; i <= to && i < all.length; i++) {
      const cut = i === to && all[i].getBoundingClientRect().top > top // a line taller than the screen is read as it passes
      if (all[i].dataset.id && !cut) ids.push(all[i].dataset.id)
    }
    return ids.length ? [ids[0] ?? '', ids.at(-1) ?? ''] : undefined
  }

  /** Older lines came: they are shown if the reader is there. */
  older() {
    if (this.#log.scrollTop < AHEAD) this.#showOlder()
  }

  /** Shows the end, and follows it. */
  toEnd() {
    if (!this.following) this.leapt = true
    this.following = true
    if (this.#bottom) {
      this.#bottom = this.#top = undefined
      return this.draw()
    }
    this.#log.scrollTop = this.#log.scrollHeight
  }

  /** Reports whether the end is more than a screen away. */
  get far() {
    return !!this.#bottom || this.#toEnd() > this.#log.clientHeight
  }

  /** @param {EventTarget | null} target @returns {Message | undefined} */
  at(target) {
    const li = target instanceof Element ? target.closest('.line') : null
    return li ? this.#messages.get(li) : undefined
  }

  /** @param {Message} message */
  nodeOf(message) {
    return this.#lines.get(message)?.node
  }

  /** Brings a line to the screen, if it is loaded, and reports whether it is. @param {string | undefined} id @param {'center' | 'start'} [where] */
  goTo(id, where = 'center') {
    const message = this.#room.find(id)
    if (!message) return false
    this.#centre(message, where)
    this.#list.querySelector('.line--asked')?.classList.remove('line--asked')
    this.nodeOf(message)?.classList.toggle('line--asked', where === 'center')
    this.nodeOf(message)?.focus({ preventScroll: true })
    return true
  }

  /** @param {Message} message @param {'center' | 'start'} where */
  #centre(message, where) {
    const { lines } = this.#room
    const at = lines.indexOf(message)
    this.following = false
    this.#top = lines[Math.max(0, at - STEP)]
    this.#bottom = at + 2 * STEP < lines.length - 1 ? lines[at + 2 * STEP] : undefined
    this.#put()
    const li = this.nodeOf(message)
    const rule = where === 'start' && li?.previousElementSibling
    const top = rule && rule.matches('.new, .day') ? rule : li
    top?.scrollIntoView({ block: where })
    this.following = !this.#bottom && this.#toEnd() <= NEAR
    this.#look()
  }

  /** The lines that are shown. @returns {Message[]} */
  #window() {
    const { lines } = this.#room
    let to = this.#bottom ? lines.indexOf(this.#bottom) + 1 : 0
    if (!to) {
      to = lines.length
      this.#bottom = undefined
    }
    let from = this.#top ? Math.max(0, lines.indexOf(this.#top)) : Math.max(0, to - FIRST)
    if (to - from > MOST) {
      if (this.following) from = to - FIRST
      else this.#bottom = lines[(to = from + MOST) - 1] // what came since waits below
    }
    if (this.#room.loaded) this.#top = lines[from] // what loads after an own line stands above it
    return lines.slice(from, to)
  }

  /** Lines with the days and the rule between them. @param {Message[]} lines */
  *#items(lines) {
    let day = 0
    /** @type {Message | undefined} */
    let before
    /** @type {Map<string, Message>} the last line of each name */
    const named = new Map()
    let ruled = !this.newAfter
    const pending = this.#bottom ? [] : this.#room.pending
    const notes = this.#room.notes.filter(({ id }) => !lines[0] || isAfter(id, lines[0].id))
    for (const message of [...lines, ...pending]) {
      while (notes[0] && (!message.id || isAfter(message.id, notes[0].id))) {
        const note = this.rules.note(/** @type {import('../chat.js').Event} */ (notes.shift()))
        if (!note) continue
        yield note
        before = undefined
      }
      const today = dayOf(message.at)
      const isNew = !ruled && message.id && isAfter(message.id, this.newAfter ?? '') && message.by.id !== this.#room.me.id
      if (today !== day) yield this.rules.day(day = today)
      if (isNew) {
        ruled = true
        if (lines[0] !== message || this.#room.lines[0] !== message) yield this.rules.newSince(this.newAfter ?? '')
      }
      const name = message.by.name.toLowerCase()
      yield this.#line(message, !before || isNew || !sameGroup(before, message), named.get(name))
      named.set(name, message)
      before = message
    }
    if (!this.#bottom) yield* notes.map(note => this.rules.note(note)).filter(note => note !== null)
  }

  /** @param {Message} message @param {boolean | ''} first @param {Message | undefined} namesake the last line by that name */
  #line(message, first, namesake) {
    let line = this.#lines.get(message)
    if (!line) {
      line = new Line(message, this.#room)
      this.#lines.set(message, line)
      this.#messages.set(line.node, message)
    }
    line.draw(!!first, this.#today, !!namesake && namesake.by.id !== message.by.id && message.at - namesake.at < DAY)
    return line.node
  }

  #toEnd() {
    return this.#log.scrollHeight - this.#log.clientHeight - this.#log.scrollTop
  }

  #scrolled() {
    this.following = !this.#bottom && this.#toEnd() <= NEAR
    if (this.#log.scrollTop < AHEAD) this.#showOlder()
    else if (this.#bottom && this.#toEnd() < AHEAD) this.#showNewer()
    this.#look()
  }

  #showOlder() {
    const { lines, more, loaded } = this.#room
    const from = this.#top ? lines.indexOf(this.#top) : 0
    if (from > 0) {
      this.#log.ariaBusy = 'true' // old lines are not read out
      this.following = false
      this.#top = lines[Math.max(0, from - STEP)]
      this.#trim(lines.indexOf(this.#top) + MOST)
      this.draw()
    } else if (more && loaded) this.onOlder()
  }

  /** Takes lines off below. @param {number} to */
  #trim(to) {
    const { lines } = this.#room
    if (to < (this.#bottom ? lines.indexOf(this.#bottom) + 1 : lines.length)) this.#bottom = lines[to - 1]
  }

  #showNewer() {
    const { lines } = this.#room
    const to = Math.min(lines.length, lines.indexOf(/** @type {Message} */ (this.#bottom)) + 1 + STEP)
    this.#bottom = to < lines.length ? lines[to - 1] : undefined
    this.#top = lines[Math.max(lines.indexOf(/** @type {Message} */ (this.#top)), to - MOST)]
    this.draw()
  }

  /** Notes where the line under the eye stands; the answer puts it back there. @param {Message[]} lines that stay */
  #hold(lines) {
    const stay = new Set(lines)
    const top = this.#log.getBoundingClientRect().top
    for (const li of this.#list.children) {
      const message = this.#messages.get(li)
      if (!message || (message.id && !stay.has(message))) continue
      const box = li.getBoundingClientRect()
      if (box.bottom > top) return () => { this.#log.scrollTop += li.getBoundingClientRect().top - box.top }
    }
  }
}

/** @param {Message} before @param {Message} after */
function sameGroup(before, after) {
  return before.by.id === after.by.id && before.by.name === after.by.name
    && after.at - before.at < GROUP && dayOf(before.at) === dayOf(after.at)
}

/** The place of the first that is so; they are in order. @param {HTMLCollectionOf<HTMLElement>} all @param {(one: HTMLElement) => boolean} isSo */
function firstOf(all, isSo) {
  let [from, to] = [0, all.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (isSo(all[middle])) to = middle
    else from = middle + 1
  }
  return from
}
