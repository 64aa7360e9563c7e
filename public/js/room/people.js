// @ts-check
import { call } from '../call.js'
import { pathOf } from '../chat.js'
import { patiently } from '../patience.js'
import { say } from '../say.js'
import { tint } from './hue.js'
import { find, icon, node } from './node.js'

/** @typedef {import('../chat.js').User} User */

/** Who is here: a count in the header, and a list in a panel beside the talk. */
export class People {
  #button = find('.bar__people')
  #count = find('.count', this.#button)
  #panel = find('.people')
  #list = find('.people__list')
  #me
  #onOpen
  #onDraw
  #room = ''
  #asking = new AbortController()
  /** @type {Map<string, User>} */
  #here = new Map()

  /** @param {User} me @param {{onPick: (name: string) => void, onMore: (user: User) => void, onOpen: () => void, onDraw: () => void}} on `onPick`: somebody else was pressed; `onMore`: it is asked what can be done with them */
  constructor(me, { onPick, onMore, onOpen, onDraw }) {
    this.#me = me
    this.#onOpen = onOpen
    this.#onDraw = onDraw
    this.#list.addEventListener('click', ({ target }) => {
      const person = target instanceof Element ? target.closest('button.person') : null
      if (person) onPick(person.textContent ?? '')
      const more = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('[data-user]')) : null
      const user = this.#here.get(more?.dataset.user ?? '')
      if (user) onMore(user)
    })
    this.#button.addEventListener('click', () => this.toggle())
    find('.people__close').addEventListener('click', () => this.toggle(false))
  }

  /** Everybody. */
  get all() {
    return [...this.#here.values()]
  }

  /** The names of the others. */
  get names() {
    return [...this.#here.values()].filter(({ id }) => id !== this.#me.id).map(({ name }) => name)
  }

  /** Shows who is in a room. Before the stream lives nobody is asked: whoever comes in between would be missed. @param {string} room @param {boolean} live */
  async show(room, live) {
    if (room !== this.#room) this.#set([this.#me])
    this.#room = room
    this.#asking.abort()
    if (!live) return
    const { signal } = this.#asking = new AbortController()
    const answer = await patiently(() => call('GET', pathOf(room, 'people')), { signal }).catch(() => null)
    if (answer && !signal.aborted) this.#set(answer.people)
  }

  /** @param {import('../chat.js').Signal} presence */
  note({ room, joined = [], left = [] }) {
    if (room !== this.#room) return
    for (const { id } of left) this.#here.delete(id)
    for (const user of joined) this.#here.set(user.id, user)
    this.#draw()
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
    if (open) this.#onOpen()
  }

  /** @param {User[]} people */
  #set(people) {
    this.#here = new Map(people.map(user => [user.id, user]))
    this.#draw()
  }

  #draw() {
    this.#here.set(this.#me.id, this.#me)
    const all = [...this.#here.values()].sort((a, b) => Number(b.id === this.#me.id) - Number(a.id === this.#me.id) || a.name.localeCompare(b.name))
    this.#count.hidden = false
    this.#count.textContent = String(all.length)
    this.#button.title = say('peopleCount', { n: all.length })
    this.#list.replaceChildren(...all.map(user => node('li', { class: 'people__row' }, this.#person(user), user.id !== this.#me.id && this.#more(user))))
    this.#onDraw()
  }

  /** @param {User} user */
  #more({ id, name }) {
    const label = say('moreOn', { name })
    return node('button', { class: 'icon', type: 'button', 'data-user': id, 'aria-label': label, title: label }, icon('more'))
  }

  /** @param {User} user */
  #person({ id, name }) {
    const mine = id === this.#me.id
    const person = mine
      ? node('span', { class: 'person' }, node('bdi', {}, name), ' ', node('small', {}, say('you')))
      : node('button', { class: 'person', type: 'button', title: say('mention', { name }) }, node('bdi', {}, name))
    tint(person, id)
    return person
  }
}
