// @ts-check
import { call } from '../call.js'
import { pathOf, timeOf } from '../chat.js'
import { limit } from '../limits.js'
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { whenOf } from './clock.js'
import { plain } from './format.js'
import { find, node } from './node.js'
import { snippet } from './snippet.js'

/** @typedef {import('../chat.js').Event} Event */
/** @typedef {{events: Event[], cursor: string, more: boolean}} Found newest first; `cursor` is where the search goes on */
/** @typedef {{event: Event, li: HTMLElement, text: string}} Hit `text`: as it was drawn */

const BESIDE = matchMedia('(min-width: 72rem)') // where the panel stands beside the room and covers nothing

/** Finds what was said in the room, and goes there. */
export class Search {
  #button = find('.bar__search')
  #panel = find('.search')
  #box = /** @type {HTMLInputElement} */ (find('.search__box'))
  #said = find('.search__said')
  #list = find('.search__list')
  #more = find('.search__more')
  #here
  #does
  #asked = 0 // an answer to an older question is dropped
  #look = ''
  #cursor = ''
  /** @type {Hit[]} */
  #hits = []

  /**
   * @param {import('./current.js').Current} here
   * @param {{goTo: (id: string) => Promise<boolean>, onOpen: () => void}} does `goTo` reports whether the line is there
   */
  constructor(here, does) {
    this.#here = here
    this.#does = does
    limit(this.#box, 'query')
    this.rename()
    find('.search__close').addEventListener('click', () => this.toggle(false))
    this.#more.addEventListener('click', () => this.#goOn())
    this.#list.addEventListener('click', event => this.#click(event))
    this.#list.addEventListener('keydown', event => this.#key(event))
  }

  /** Another room is shown: what was found in the last one is not of it. */
  show() {
    this.toggle(false)
    this.#clear()
    this.#box.value = ''
    this.rename()
  }

  rename() {
    this.#box.ariaLabel = say('searchIn', { room: this.#here.room.label })
  }

  /** Something in the room changed: what was deleted is not shown, and what was edited reads as it does now. */
  change() {
    for (const hit of this.#hits) {
      const now = this.#here.room.now(hit.event.id)
      if (now?.gone) this.#drop(hit)
      else if (now && now.text !== hit.text) this.#write(hit, now.text)
    }
  }

  /** Reports whether there was anything to close. */
  close() {
    const open = !this.#panel.hidden
    if (open) this.toggle(false)
    return open
  }

  toggle(open = this.#panel.hidden) {
    if (!open && this.#panel.contains(document.activeElement)) this.#button.focus()
    this.#panel.hidden = !open
    this.#button.ariaExpanded = String(open)
    if (!open) return
    this.#does.onOpen()
    this.#box.focus()
  }

  #clear() {
    this.#asked++
    this.#hits = []
    this.#cursor = ''
    this.#list.replaceChildren()
    this.#more.hidden = true
    this.#said.textContent = ''
  }

  /** Looks for what stands in the box. */
  begin() {
    this.#clear()
    this.#look = this.#box.value.trim()
    if (this.#look) this.#ask()
  }

  /** Looks further back, and leaves the focus at the first that is found there. */
  async #goOn() {
    const n = this.#hits.length
    await this.#ask()
    const next = this.#hits[n]?.li.querySelector('a')
    if (next) next.focus()
    else if (this.#more.hidden) this.#box.focus()
  }

  async #ask() {
    const asked = ++this.#asked
    this.#more.hidden = true
    this.#said.textContent = say('searching')
    const where = new URLSearchParams({ q: this.#look, ...(this.#cursor && { before: this.#cursor }) })
    try {
      const found = /** @type {Found} */ (await call('GET', `${pathOf(this.#here.room.name)}?${where}`))
      if (asked === this.#asked) this.#take(found)
    } catch (problem) {
      if (asked !== this.#asked) return
      this.#said.textContent = /** @type {Error} */ (problem).message
      this.#more.hidden = !this.#cursor
    }
  }

  /** @param {Found} found */
  #take({ events, cursor, more }) {
    this.#cursor = more ? cursor : ''
    for (const event of events) this.#add(event)
    this.#more.hidden = !more
    this.change()
    this.#count()
  }

  #count() {
    const n = this.#hits.length
    this.#said.textContent = n ? say('searchFound', { n }) : say(this.#cursor ? 'searchNoneYet' : 'searchNone')
  }

  /** @param {Event} event */
  #add(event) {
    const { room, id, by } = event
    const at = event.at ?? timeOf(id)
    const li = node('li', {}, node('a', { class: 'hit', href: pathOf(room, id), 'data-id': id },
      node('b', { class: 'hit__who' }, node('bdi', {}, by.name)), ' ',
      node('time', { class: 'hit__time', datetime: new Date(at).toISOString() }, whenOf(at)), ' ',
      node('span', { class: 'hit__text', dir: 'auto' })))
    const hit = { event, li, text: '' }
    this.#write(hit, event.text ?? '')
    this.#hits.push(hit)
    this.#list.append(li)
  }

  /** @param {Hit} hit @param {string} text */
  #write(hit, text) {
    hit.text = text
    const parts = snippet(plain(text), plain(this.#look))
    find('.hit__text', hit.li).replaceChildren(...parts.map(({ text, hit }) => (hit ? node('mark', {}, text) : text)))
  }

  /** @param {Hit} hit */
  #drop(hit) {
    const focused = hit.li.contains(document.activeElement)
    this.#hits = this.#hits.filter(one => one !== hit)
    hit.li.remove()
    this.#count()
    if (focused) this.#box.focus()
  }

  /** @param {MouseEvent} event */
  async #click(event) {
    const link = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest('a')) : null
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    if (!BESIDE.matches) this.toggle(false)
    const there = await this.#does.goTo(link.dataset.id ?? '')
    if (!there) this.#said.textContent = common('notThere')
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const links = [...this.#list.querySelectorAll('a')]
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement))
    if (!step || at < 0) return
    event.preventDefault()
    if (at + step < 0) this.#box.focus()
    else links[at + step]?.focus()
  }
}
