// @ts-check
import { call } from '../call.js'
import { isRoom, roomNamed } from '../chat.js'
import { limit } from '../limits.js'
import { patiently } from '../patience.js'
import { say } from '../say.js'
import { find, node } from './node.js'

const MOST = 8 // rooms offered

/** Finds a room, or makes it: one that is nobody's is there as soon as somebody opens it. */
export class Finder {
  #form = /** @type {HTMLFormElement} */ (find('.finder'))
  #box = /** @type {HTMLInputElement} */ (find('.finder__box'))
  #list = find('.finder__found')
  #onOpen
  #onFocus
  #onMake
  /** @type {{room: string, title: string, people: number}[]} */
  #rooms = []
  #chosen = -1
  #asking = new AbortController()

  /** @param {{onOpen: (room: string) => void, onFocus: () => void, onMake: (title: string) => void}} on `onFocus` brings the box to the screen; `onMake`: a room is to be somebody's */
  constructor({ onOpen, onFocus, onMake }) {
    this.#onOpen = onOpen
    this.#onFocus = onFocus
    this.#onMake = onMake
    limit(this.#box, 'room')
    this.#form.addEventListener('submit', event => { event.preventDefault(); this.#submit() })
    find('button', this.#form).addEventListener('click', () => this.#make())
    this.#box.addEventListener('focus', () => this.#load())
    this.#box.addEventListener('input', () => { this.#box.setCustomValidity(''); this.#draw() })
    this.#box.addEventListener('blur', () => this.#hide())
    this.#box.addEventListener('keydown', event => this.#key(event))
    this.#list.addEventListener('pointerdown', event => {
      event.preventDefault()
      const option = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest('[data-room]')) : null
      if (option) this.#take(option)
    })
  }

  focus() {
    this.#onFocus()
    this.#box.focus()
    this.#box.select()
  }

  get #typed() {
    return roomNamed(this.#box.value.trim()).replace(/^#/, '').replace(/\s+/g, '-')
  }

  async #load() {
    const { signal } = this.#asking = new AbortController()
    const answer = await patiently(() => call('GET', '/rooms'), { signal }).catch(() => null)
    this.#rooms = answer?.rooms ?? this.#rooms
    if (!signal.aborted) this.#draw()
  }

  #draw() {
    const typed = this.#typed
    const found = this.#rooms.filter(({ room, title }) => room.includes(typed) || title.toLowerCase().includes(typed)).slice(0, MOST)
    const options = found.map(({ room, people }) => option(room, room, people ? say('peopleCount', { n: people }) : ''))
    if (isRoom(typed) && !found.some(({ room }) => room === typed)) options.push(option(typed, say('makeRoom', { room: typed }), ''))
    options.push(option('', say('newRoom') + '…', ''))
    options.forEach((one, i) => { one.id = `found-${i}` })
    this.#list.replaceChildren(...options)
    this.#list.hidden = !options.length
    this.#box.ariaExpanded = String(options.length > 0)
    this.#choose(-1)
  }

  #hide() {
    this.#asking.abort()
    this.#box.setCustomValidity('')
    this.#list.hidden = true
    this.#box.ariaExpanded = 'false'
    this.#box.removeAttribute('aria-activedescendant')
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at
    const options = [...this.#list.children]
    options.forEach((one, i) => { one.ariaSelected = String(i === at) })
    if (at < 0) this.#box.removeAttribute('aria-activedescendant')
    else this.#box.setAttribute('aria-activedescendant', options[at].id)
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return // the input method's
    const n = this.#list.children.length
    if (event.key === 'Escape' && (this.#box.value || !this.#list.hidden)) { // closes the finder only
      event.preventDefault()
      event.stopPropagation()
      this.#box.value = ''
      this.#hide()
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step || !n) return
    event.preventDefault()
    this.#choose(this.#chosen < 0 ? (step > 0 ? 0 : n - 1) : (this.#chosen + step + n) % n)
  }

  #submit() {
    const chosen = /** @type {HTMLElement | undefined} */ (this.#list.children[this.#chosen])
    if (chosen) return this.#take(chosen)
    const room = this.#typed
    if (!room) return this.focus()
    if (isRoom(room)) return this.#open(room)
    this.#box.setCustomValidity(say('roomName'))
    this.#box.reportValidity()
  }

  /** Opens the room of an option; the last is of none yet. @param {HTMLElement} option */
  #take({ dataset: { room } }) {
    if (room) this.#open(room)
    else this.#make()
  }

  #make() {
    const title = this.#box.value.trim()
    this.#box.value = ''
    this.#hide()
    this.#onMake(title)
  }

  /** @param {string} room */
  #open(room) {
    this.#box.value = ''
    this.#hide()
    this.#onOpen(room)
  }
}

/** @param {string} room @param {string} text @param {string} note */
function option(room, text, note) {
  return node('li', { role: 'option', 'data-room': room }, node('bdi', {}, text), note && node('small', {}, note))
}
