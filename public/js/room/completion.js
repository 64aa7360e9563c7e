// @ts-check
import { mayCall } from './mention.js'
import { find, node } from './node.js'

const MOST = 6 // names offered

/** Offers the people here after an "@" in the box. */
export class Completion {
  #list = find('.composer__names')
  #box
  #people
  #chosen = 0
  #from = -1

  /** @param {HTMLTextAreaElement} box @param {() => string[]} people */
  constructor(box, people) {
    this.#box = box
    this.#people = people
    box.addEventListener('input', () => this.#offer())
    box.addEventListener('blur', () => this.hide())
    box.addEventListener('keydown', event => this.#key(event), { capture: true })
    this.#list.addEventListener('pointerdown', event => {
      event.preventDefault() // the focus stays in the box
      const option = event.target instanceof Element && event.target.closest('[role=option]')
      if (option) this.#take([...this.#list.children].indexOf(option))
    })
  }

  get shown() {
    return !this.#list.hidden
  }

  /** Reports whether there was anything to close. */
  close() {
    const { shown } = this
    this.hide()
    return shown
  }

  hide() {
    this.#list.hidden = true
    this.#box.removeAttribute('aria-activedescendant')
  }

  #offer() {
    const before = this.#box.value.slice(0, this.#box.selectionStart)
    const typed = /@([^@\n]{0,32})$/.exec(before)
    const names = typed && mayCall(before, typed.index) ? this.#people().filter(name => name.toLowerCase().startsWith(typed[1].toLowerCase())).slice(0, MOST) : []
    if (!typed || !names.length) return this.hide()
    this.#from = typed.index
    this.#list.replaceChildren(...names.map((name, i) => node('li', { role: 'option', id: `name-${i}` }, node('bdi', {}, name))))
    this.#list.hidden = false
    this.#choose(0)
  }

  /** @param {number} at */
  #choose(at) {
    const options = [...this.#list.children]
    this.#chosen = (at + options.length) % options.length
    options.forEach((option, i) => { option.ariaSelected = String(i === this.#chosen) })
    this.#box.setAttribute('aria-activedescendant', `name-${this.#chosen}`)
  }

  /** @param {number} at */
  #take(at) {
    const name = this.#list.children[at].textContent
    this.#box.setRangeText(`@${name} `, this.#from, this.#box.selectionStart, 'end')
    this.hide()
    this.#box.dispatchEvent(new Event('input'))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.shown || event.isComposing || event.keyCode === 229) return // the input method's
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) this.#choose(this.#chosen + step)
    else if (event.key === 'Enter' || event.key === 'Tab') this.#take(this.#chosen)
    else if (event.key === 'Escape') this.hide()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
