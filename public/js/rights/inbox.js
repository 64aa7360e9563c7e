// @ts-check
import { call } from '../call.js'
import { NOTHING, isAfter, pathOf, timeOf } from '../chat.js'
import { recall, remember } from '../memory.js'
import { whenOf } from '../room/clock.js'
import { plain } from '../room/format.js'
import { find, icon, node } from '../room/node.js'
import { say as common } from '../say.js'
import { whyOf } from './form.js'
import { say } from '../say-seldom.js'

/** @typedef {import('../chat.js').Event & {notice?: string, of?: {room: string, id: string}}} Notice */

const PAGE = 50

/** What concerns oneself, wherever it happened: the notices that only one user reads. */
export class Inbox {
  #button = find('.contents__for')
  #list = node('ol', { class: 'for__list' })
  #none = node('p', { class: 'panel__none' }, say('nothingForYou'))
  #more = node('button', { class: 'quiet panel__more', type: 'button', hidden: true }, say('olderForYou'))
  #shut = node('button', { class: 'icon', type: 'button', 'aria-label': common('close') }, icon('close'))
  /** @type {Notice[]} the newest first */
  #notices = []
  #parts
  #onOpen
  #told = NOTHING // the newest that the server spoke of
  #asking = Promise.resolve()
  node

  /** @param {import('./rights.js').Parts} parts @param {() => void} onOpen */
  constructor(parts, onOpen) {
    this.#onOpen = onOpen
    this.#parts = parts
    this.node = node('nav', { class: 'panel', id: 'for-you', 'aria-label': say('forYou'), hidden: true },
      node('div', { class: 'panel__top' }, node('h2', { class: 'panel__title' }, say('forYou')), this.#shut), this.#none, this.#list, this.#more)
    find('.people').before(this.node)
    this.#shut.addEventListener('click', () => this.toggle(false))
    this.#more.addEventListener('click', () => this.#load(this.#notices.at(-1)?.id))
    this.#list.addEventListener('click', event => this.#click(event))
  }

  get #path() {
    return pathOf(`@${this.#parts.here.me.id}`)
  }

  /** Everything up to here was looked at. @returns {string} */
  get #mark() {
    return recall('inbox', NOTHING)
  }

  /** The server has notices up to this one. @param {string} last */
  hear(last) {
    if (!isAfter(last, this.#told)) return
    this.#told = last
    if (isAfter(last, this.#mark) || !this.node.hidden) this.#asking = this.#asking.then(() => this.#load())
  }

  toggle(open = this.node.hidden) {
    if (!open && this.node.contains(document.activeElement)) this.#button.focus()
    this.node.hidden = !open
    if (!open) return
    this.#onOpen()
    this.draw()
    this.#shut.focus()
    this.#load()
  }

  /** Loads the newest, or those before one. @param {string} [before] */
  async #load(before) {
    try {
      const { events, more } = await call('GET', `${this.#path}?${new URLSearchParams({ limit: String(PAGE), ...(before && { before }) })}`)
      const known = new Set(this.#notices.map(({ id }) => id))
      const fresh = events.filter((/** @type {Notice} */ { id, kind }) => kind === 'notice' && !known.has(id))
      this.#notices = [...this.#notices, ...fresh].sort((a, b) => (isAfter(a.id, b.id) ? -1 : 1))
      if (before || !known.size) this.#more.hidden = !more
      for (const notice of fresh) if (isAfter(notice.id, this.#mark)) this.#arrived(notice)
      await Promise.all(fresh.map((/** @type {Notice} */ notice) => this.#read(notice)))
    } catch (problem) {
      if (!this.node.hidden) this.#parts.status.tell(whyOf(problem))
    }
    this.draw()
  }

  /** Whom somebody writes to alone has that room among theirs. @param {Notice} notice */
  #arrived({ notice, of, by }) {
    if (notice !== 'direct' || !of) return
    this.#parts.rooms.call(of.room, by.name)
    if (!this.#parts.rooms.names.includes(of.room)) this.#parts.onRoom(of.room)
  }

  /** A mention and a reply say no words themselves: those stand in the line. @param {Notice} notice */
  async #read(notice) {
    const { text, of, notice: what } = notice
    if (text || !of || (what !== 'mention' && what !== 'reply')) return
    const line = await call('GET', pathOf(of.room, of.id)).catch(() => null)
    notice.text = line?.text ?? ''
  }

  /** Shows the notices, and how many of them are new: a line that was read in its room is not. */
  draw() {
    const fresh = this.#notices.filter(notice => isAfter(notice.id, this.#mark) && !this.#isRead(notice))
    if (!this.node.hidden) this.#fill(new Set(fresh))
    const n = this.node.hidden ? fresh.length : 0
    if (n) this.#button.dataset.count = String(n)
    else delete this.#button.dataset.count
    this.#button.ariaLabel = n ? say('forYouUnread', { n }) : null
    for (const state of ['unread', 'mention']) this.#button.classList.toggle(`place--${state}`, n > 0)
    this.#parts.rooms.tellForYou(n && fresh.filter(notice => !this.#counts(notice)).length)
  }

  /** Reports whether it is of a line that is among the unread of a room. @param {Notice} notice */
  #counts({ notice, of }) {
    return (notice === 'mention' || notice === 'reply') && !!of && this.#parts.rooms.names.includes(of.room)
  }

  /** @param {Notice} notice */
  #isRead(notice) {
    const { of } = notice
    return !!of && this.#counts(notice) && !isAfter(of.id, this.#parts.rooms.mark(of.room))
  }

  /** @param {Set<Notice>} fresh */
  #fill(fresh) {
    this.#none.hidden = this.#notices.length > 0
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest('a')?.getAttribute('href')
    this.#list.replaceChildren(...this.#notices.map(notice => this.#item(notice, fresh.has(notice))))
    if (focused) this.#list.querySelector('a')?.focus()
    const last = this.#notices[0]?.id
    if (!last || !isAfter(last, this.#mark)) return
    remember('inbox', last)
    call('PUT', `${this.#path}/read`, { id: last }).catch(() => {}) // it stays read here
  }

  /** @param {Notice} notice @param {boolean} fresh */
  #item(notice, fresh) {
    const { id, by, text = '', of, notice: what = '', at = timeOf(id) } = notice
    const { label, closed } = this.#placeOf(notice)
    const words = WORDS[what]
    const [before, after] = (words ? words(label) : `\0 · ${label}`).split('\0')
    const title = node('span', { class: 'hit__who for__what' }, before, node('bdi', {}, by.name), after)
    const inside = [title, ' ', node('time', { class: 'hit__time', datetime: new Date(at).toISOString() }, whenOf(at)),
      text && what !== 'invite' && ' ', text && what !== 'invite' && node('span', { class: 'hit__text', dir: 'auto' }, plain(text))]
    const link = closed || !of ? node('div', { class: 'hit' }, ...inside)
      : node('a', { class: 'hit', href: pathOf(of.room, ...(TO_LINE.includes(what) ? [of.id] : [])) }, ...inside)
    return node('li', { class: fresh ? 'for__item for__item--new' : 'for__item' }, link)
  }

  /** @param {Notice} notice */
  #placeOf({ of, notice, text }) {
    const { rooms } = this.#parts
    if (of && notice === 'invite' && text) rooms.call(of.room, text)
    return { label: of ? rooms.label(of.room) : '', closed: notice === 'ban' }
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element && event.target.closest('a')
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    this.toggle(false)
    this.#parts.here.follow(link.pathname)
  }
}

const TO_LINE = ['mention', 'reply', 'report', 'held']

/** @type {Record<string, (room: string) => string>} */
const WORDS = {
  direct: () => say('noticeDirect'),
  invite: room => say('noticeInvite', { room }),
  mention: room => say('noticeMention', { room }),
  reply: room => say('noticeReply', { room }),
  ban: room => say('noticeBan', { room }),
  mute: room => say('noticeMute', { room }),
  role: room => say('noticeRole', { room }),
  report: room => say('noticeReport', { room }),
  held: room => say('noticeHeld', { room }),
}
