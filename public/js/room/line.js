// @ts-check
import { say } from '../say.js'
import { hourOf, momentOf } from './clock.js'
import { format, isLarge, plain } from './format.js'
import { tint } from './hue.js'
import { mentions } from './mention.js'
import { find, node } from './node.js'

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

const QUOTED = 200 // of a quoted text
const LONG = 1_500 // UTF-16 units, and
const LINES = 18 // from which on a text is folded

/** A message on the screen. */
export class Line {
  #message
  #room
  #revision = -1
  #zone = ''
  #quoted = -1 // the revision of the line that is quoted
  #open = false // a long text that was unfolded
  #text = '\0' // never a line's
  /** @type {HTMLElement | null} */
  #new = null
  #time = node('time', { class: 'line__time' })
  #words = node('div', { class: 'line__text', dir: 'auto' })
  #body = node('div', { class: 'line__body' })
  /** @type {HTMLElement[]} what stands under the words */
  #under = []

  /** @param {Message} message @param {Room} room */
  constructor(message, room) {
    this.#message = message
    this.#room = room
    this.mine = message.by.id === room.me.id
    this.#body.append(this.#words)
    this.node = node('li', { class: 'line', tabindex: -1 },
      node('span', { class: 'line__who' }, node('bdi', {}, message.by.name)), this.#body, this.#time)
    if (!this.mine) tint(this.node, message.by.id)
  }

  /** Brings the screen up to the message. @param {boolean} first of a group @param {string} zone of time @param {boolean} newHere another user had the name a while ago */
  draw(first, zone, newHere) {
    const { node: li } = this
    li.classList.toggle('line--first', first)
    if (newHere !== !!this.#new) this.#drawNew(newHere)
    this.#drawQuote()
    if (this.#revision === this.#message.revision && this.#zone === zone) return
    this.#revision = this.#message.revision
    this.#zone = zone
    this.#drawState()
    this.#drawWords()
    this.#drawUnder()
  }

  /** @param {boolean} newHere */
  #drawNew(newHere) {
    this.#new?.remove()
    this.#new = newHere ? node('p', { class: 'line__new' }, say('newHere')) : null
    if (this.#new) this.#words.before(this.#new)
  }

  #drawState() {
    const { fate, gone, text, at, id } = this.#message
    const state = {
      mine: this.mine, gone, large: isLarge(text), sending: fate === 'sending' || fate === 'slow', failed: fate === 'failed',
      mention: !this.mine && mentions(text, this.#room.me.name, this.#room.names),
    }
    for (const [name, on] of Object.entries(state)) this.node.classList.toggle(`line--${name}`, on)
    if (id) this.node.dataset.id = id
    this.#time.dateTime = new Date(at).toISOString()
    this.#time.textContent = hourOf(at)
    this.#time.title = momentOf(at)
  }

  /** New nodes only for new words: a screen reader would read them again. */
  #drawWords() {
    const { text, gone, edited } = this.#message
    const now = gone ? say('gone') : text + (edited ? '\0' : '')
    if (now === this.#text) return
    this.#text = now
    this.#words.replaceChildren(...(gone ? [say('gone')] : format(text, { me: this.#room.me.name, names: this.#room.names })))
    if (edited && !gone) this.#words.append(' ', node('small', { class: 'line__edited' }, say('edited')))
  }

  #drawUnder() {
    for (const old of this.#under) old.remove()
    this.#under = [this.#fold(this.#message.text), this.#reactions(), this.#fate()].filter(one => one !== null)
    this.#body.append(...this.#under)
  }

  /** The quote says what became of the line that it is of. */
  #drawQuote() {
    const { reply } = this.#message
    const to = this.#room.find(reply)
    const state = to ? to.revision : -2
    if (!reply || state === this.#quoted) return
    this.#quoted = state
    const name = to?.by.name ?? ''
    const text = (to?.gone ? say('gone') : to ? plain(to.text) : say('earlier')).slice(0, QUOTED)
    const quote = node('button', {
      class: 'quote', type: 'button', tabindex: -1, 'data-go': reply, 'aria-label': to && say('goTo', { name, text }),
    }, to ? node('b', {}, node('bdi', {}, name)) : null, ' ', node('bdi', {}, text))
    this.#body.querySelector('.quote')?.remove()
    this.#body.prepend(quote)
  }

  /** A text that is longer than a screen is folded until somebody asks for all of it. @param {string} text */
  #fold(text) {
    const long = text.length > LONG || text.split('\n', LINES + 1).length > LINES
    if (!long) this.#open = false
    this.#words.classList.toggle('line__text--folded', long && !this.#open)
    if (!long) return null
    const button = node('button', { class: 'line__fold', type: 'button', tabindex: -1, 'aria-expanded': String(this.#open) }, say(this.#open ? 'showLess' : 'showAll'))
    button.addEventListener('click', () => {
      this.#open = !this.#open
      this.#drawUnder()
      find('.line__fold', this.#body).focus({ preventScroll: true })
    })
    return button
  }

  #reactions() {
    const reactions = this.#message.reactions(this.#room.me)
    if (!reactions.size) return null
    return node('div', { class: 'reactions' }, ...Array.from(reactions, ([emoji, who]) => node('button', {
      class: 'reaction', type: 'button', tabindex: -1, 'data-emoji': emoji,
      'aria-pressed': String(who.has(this.#room.me.id)),
      'aria-label': say('reaction', { emoji, n: who.size, who: [...who.values()].join(', ') }),
      title: [...who.values()].join(', '),
    }, `${emoji} ${who.size}`)))
  }

  #fate() {
    const { fate, why, changing } = this.#message
    if (fate === 'slow') return node('p', { class: 'line__state' }, say('sending'))
    if (fate !== 'failed') return null
    return node('p', { class: 'line__state', role: 'alert' }, say(changing ? 'notSaved' : 'notSent'), ' ', why, ' ',
      node('button', { class: 'text-button', type: 'button', 'data-do': 'retry' }, say('retry')), ' ',
      node('button', { class: 'text-button', type: 'button', 'data-do': 'drop' }, say(changing ? 'discard' : 'delete')))
  }
}
