// @ts-check
import { isDirect, pathOf, roomOf } from '../chat.js'
import { say } from '../say.js'
import { setChildren } from './children.js'
import { find, icon, node } from './node.js'

const SIDE = matchMedia('(min-width: 48rem)') // where it stands beside the room

/**
 * The table of contents: the rooms that are open, and what is unread in each.
 * It stands beside the room, or is a sheet behind a button on a phone.
 */
export class Contents {
  #nav = find('.contents')
  #list = find('.contents__list')
  #direct = find('.contents__direct')
  #button = find('.bar__rooms')
  #count = find('.count', this.#button)
  #rooms
  #does
  /** @type {Map<string, HTMLLIElement>} */
  #items = new Map()
  #current = ''

  /**
   * @param {import('./rooms.js').Rooms} rooms
   * @param {string} me
   * @param {{open: (room: string) => void, close: (room: string) => void}} does
   */
  constructor(rooms, me, does) {
    this.#rooms = rooms
    this.#does = does
    find('.contents__me bdi').textContent = me
    this.#nav.addEventListener('click', event => this.#click(event))
    this.#nav.addEventListener('keydown', event => this.#key(event))
    SIDE.addEventListener('change', () => this.hide())
  }

  /** Brings it to a phone's screen. */
  show() {
    if (!SIDE.matches && !this.shown) this.#nav.showPopover()
  }

  hide() {
    if (this.shown) this.#nav.hidePopover()
  }

  get shown() {
    return this.#nav.matches(':popover-open')
  }

  /** @param {string} current */
  draw(current) {
    const { names } = this.#rooms
    setChildren(this.#list, names.filter(room => !isDirect(room)).map(room => this.#item(room, room === current)))
    const direct = names.filter(isDirect)
    setChildren(find('ul', this.#direct), direct.map(room => this.#item(room, room === current)))
    this.#direct.hidden = !direct.length
    if (current !== this.#current) this.#items.get(current)?.scrollIntoView({ block: 'nearest' })
    this.#current = current
    const { n, mention } = this.#rooms.total(current)
    this.#button.ariaLabel = n ? say('roomsUnread', { n, mention }) : say('rooms')
    this.#button.classList.toggle('bar__rooms--mention', mention)
    this.#count.hidden = !n
    if (this.#count.textContent !== few(n)) this.#count.textContent = few(n)
  }

  /** @param {string} room @param {boolean} current */
  #item(room, current) {
    let li = this.#items.get(room)
    if (!li) this.#items.set(room, li = made(room))
    const label = this.#rooms.label(room)
    const name = find('bdi', li)
    if (name.textContent !== label) name.textContent = label
    const { n, mention } = this.#rooms.unread(room)
    const shown = n > 0 && !current
    const link = /** @type {HTMLAnchorElement} */ (find('a', li))
    link.tabIndex = current ? 0 : -1
    link.ariaCurrent = current ? 'page' : null
    link.ariaLabel = shown ? say('unread', { room: label, n, mention }) : null
    link.classList.toggle('place--unread', shown)
    link.classList.toggle('place--mention', shown && mention)
    if (shown) link.dataset.count = (mention ? '@' : '') + few(n)
    else delete link.dataset.count
    const leave = find('button', li)
    leave.ariaLabel = leave.title = say('leaveRoom', { room: label })
    leave.hidden = !current || this.#rooms.names.length < 2
    return li
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const li = event.target instanceof Element && event.target.closest('.contents__list li')
    const link = li && li.querySelector('a')
    if (!link) return
    if (/** @type {Element} */ (event.target).closest('button')) return this.#does.close(nameOf(link))
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
    event.preventDefault()
    this.hide()
    this.#does.open(nameOf(link))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const links = /** @type {HTMLElement[]} */ ([...this.#nav.querySelectorAll('.contents__for, .contents__list a')])
    const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    if (at < 0) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) {
      event.preventDefault()
      links[(at + step + links.length) % links.length]?.focus()
    }
    const link = links[at]
    if (event.key === 'Delete' && link instanceof HTMLAnchorElement && links.length > 2) {
      this.#does.close(nameOf(link))
      links[at + 1 < links.length ? at + 1 : at - 1].focus()
    }
  }
}

/** @param {number} n */
function few(n) {
  return n > 99 ? '99+' : String(n)
}

/** @param {HTMLAnchorElement} link */
function nameOf(link) {
  return roomOf(link.pathname) ?? ''
}

/** A room, and the button on it that leaves it; keys do without. @param {string} room */
function made(room) {
  return node('li', {},
    node('a', { class: 'place', href: pathOf(room) }, node('bdi'), node('span', { class: 'place__leader', 'aria-hidden': 'true' })),
    node('button', { class: 'icon place__leave', type: 'button', tabindex: -1, hidden: true }, icon('close')))
}
