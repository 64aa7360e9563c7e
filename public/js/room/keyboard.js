// @ts-check
import { find } from './node.js'

/** Everything by keys alone: between lines, to the box, to the rooms. */
export class Keyboard {
  #log = find('.log')
  #list = find('.lines')
  #box
  #does

  /** @param {HTMLTextAreaElement} box @param {{rooms: () => void, search: () => void, tools: () => void, help: () => void, escape: () => boolean}} does `escape` reports whether it closed something */
  constructor(box, does) {
    this.#box = box
    this.#does = does
    this.#log.addEventListener('keydown', event => this.#inLog(event))
    this.#log.addEventListener('focusin', event => this.#reach(event))
    document.addEventListener('keydown', event => this.#anywhere(event))
  }

  /** @param {KeyboardEvent} event */
  #anywhere(event) {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || document.querySelector('dialog[open]')) return
    if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#does.rooms()
    }
    if (event.key.toLowerCase() === 'f' && event.shiftKey && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#does.search()
    }
    if (event.key === 'Escape' && !this.#does.escape()) this.#box.focus()
    if (event.key === '?' && !isField(event.target)) {
      event.preventDefault()
      this.#does.help()
    }
    if (event.target === this.#box) this.#inBox(event)
  }

  /** The log scrolls from the box too, as long as the box needs no keys for that. @param {KeyboardEvent} event */
  #inBox(event) {
    const step = { PageUp: -1, PageDown: 1 }[event.key]
    if (!step || this.#box.scrollHeight > this.#box.clientHeight + 2) return
    event.preventDefault()
    this.#log.scrollBy({ top: step * this.#log.clientHeight * 0.9 })
  }

  /** @param {KeyboardEvent} event */
  #inLog(event) {
    const { key } = event
    if (key === 'ArrowUp' || key === 'ArrowDown' || key === 'Home' || key === 'End') {
      event.preventDefault()
      this.#move(key)
    } else if (key === 'Enter' && this.#line && event.target === this.#line) {
      event.preventDefault()
      this.#does.tools()
    } else if (key.length === 1 && key !== ' ' && key !== '?' && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.#box.focus() // and the key goes there
    }
  }

  get #line() {
    return document.activeElement?.closest('.line')
  }

  /** @param {string} key */
  #move(key) {
    const lines = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll('.line')])
    const at = lines.indexOf(/** @type {HTMLElement} */ (this.#line))
    const to = { ArrowUp: at < 0 ? lines.length - 1 : at - 1, ArrowDown: at < 0 ? lines.length - 1 : at + 1, Home: 0, End: lines.length - 1 }[key] ?? at
    if (to < 0) return /** @type {HTMLElement} */ (find('.log__older')).focus()
    lines[Math.min(to, lines.length - 1)]?.focus()
  }

  /** Scrolls to a line that a key went to; where one presses, nothing moves. @param {Element} line */
  #show(line) {
    const box = line.getBoundingClientRect()
    const log = this.#log.getBoundingClientRect()
    if (box.top < log.top || box.bottom > log.bottom) line.scrollIntoView({ block: 'nearest' })
  }

  /** Links and buttons of a line are Tab stops only while one is in it. @param {FocusEvent} event */
  #reach({ target }) {
    const line = target instanceof Element && target.closest('.line')
    for (const stop of this.#list.querySelectorAll('[tabindex="0"]')) /** @type {HTMLElement} */ (stop).tabIndex = -1
    if (!line) return
    for (const stop of line.querySelectorAll('a, pre, .quote, .reaction, .line__fold')) /** @type {HTMLElement} */ (stop).tabIndex = 0
    if (line.matches(':focus-visible')) this.#show(line)
  }
}

/** @param {EventTarget | null} target */
function isField(target) {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement
}
