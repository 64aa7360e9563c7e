// @ts-check
import { pathOf } from '../chat.js'
import { say } from '../say.js'
import { arrange } from './arrange.js'
import { find, icon, node } from './node.js'

/** The rooms that are open, as a row of tabs with what is unread in each. */
export class Tabs {
  #list = find('.tabs ul')
  #rooms
  #does
  /** @type {Map<string, HTMLLIElement>} */
  #items = new Map()

  /**
   * @param {import('./rooms.js').Rooms} rooms
   * @param {{open: (room: string) => void, close: (room: string) => void}} does
   */
  constructor(rooms, does) {
    this.#rooms = rooms
    this.#does = does
    this.#list.addEventListener('click', event => this.#click(event))
    this.#list.addEventListener('keydown', event => this.#key(event))
  }

  #current = ''

  /** @param {string} current */
  draw(current) {
    arrange(this.#list, this.#rooms.names.map(room => this.#item(room, room === current)))
    if (current !== this.#current) this.#items.get(current)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    this.#current = current
  }

  /** @param {string} room @param {boolean} current */
  #item(room, current) {
    let li = this.#items.get(room)
    if (!li) this.#items.set(room, li = made(room))
    const { n, mention } = this.#rooms.unread(room)
    const link = /** @type {HTMLAnchorElement} */ (find('a', li))
    link.tabIndex = current ? 0 : -1
    link.ariaCurrent = current ? 'page' : null
    link.ariaLabel = n && !current ? say('unread', { room, n, mention }) : null
    link.classList.toggle('tab--unread', n > 0 && !current)
    link.classList.toggle('tab--mention', mention && !current)
    if (n && !current) link.dataset.count = n > 99 ? '99+' : String(n)
    else delete link.dataset.count
    find('button', li).hidden = !current || this.#rooms.names.length < 2
    return li
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const li = event.target instanceof Element && event.target.closest('li')
    const link = li && li.querySelector('a')
    if (!link) return
    if (event.target.closest('button')) return this.#does.close(this.#nameOf(link))
    if ( event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    this.#does.open(this.#nameOf(link))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const links = [...this.#list.querySelectorAll('a')]
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement))
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step) links[(at + step + links.length) % links.length]?.focus()
    if (event.key === 'Delete' && at >= 0 && links.length > 1) {
      this.#does.close(this.#nameOf(links[at]))
      links[at + 1 < links.length ? at + 1 : at - 1].focus()
    }
  }

  /** @param {HTMLAnchorElement} link */
  #nameOf(link) {
    return decodeURIComponent(link.pathname.split('/')[2])
  }
}

/** A tab, and the button on it that leaves the room; keys do without. @param {string} room */
function made(room) {
  const leave = say('leaveRoom', { room })
  return node('li', {},
    node('a', { class: 'tab', href: pathOf(room) }, node('bdi', {}, room)),
    node('button', { class: 'icon tab__leave', type: 'button', tabindex: -1, 'aria-label': leave, title: leave, hidden: true }, icon('close')))
}
