// @ts-check
import { say } from '../say.js'
import { hourOf, momentOf } from './clock.js'
import { format, isLarge, plain } from './format.js'
import { tint } from './hue.js'
import { mentions } from './mention.js'
import { node } from './node.js'

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

/** A message on the screen. */
export class Line {
  #message
  #room
  #revision = -1
  #text = '\0' // never a line's
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
    this.#body.append(...this.#quote(), this.#words)
    this.node = node('li', { class: 'line', tabindex: -1 },
      node('span', { class: 'line__who' }, node('bdi', {}, message.by.name)), this.#body, this.#time)
    if (!this.mine) tint(this.node, message.by.name)
  }

  /** Brings the screen up to the message. @param {boolean} first of a group */
  draw(first) {
    const { node: li } = this
    li.classList.toggle('line--first', first)
    if (this.#revision === this.#message.revision) return
    this.#revision = this.#message.revision
    this.#drawState()
    this.#drawWords()
    this.#drawUnder()
  }

  #drawState() {
    const { fate, gone, text, at, id } = this.#message
    const state = {
      mine: this.mine, gone, large: isLarge(text), sending: fate === 'sending' || fate === 'slow', failed: fate === 'failed',
      mention: !this.mine && mentions(text, this.#room.me.name),
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
    this.#words.replaceChildren(...(gone ? [say('gone')] : format(text, { me: this.#room.me.name, names: this.#room.speakers })))
    if (edited && !gone) this.#words.append(' ', node('small', { class: 'line__edited' }, say('edited')))
  }

  #drawUnder() {
    for (const old of this.#under) old.remove()
    this.#under = [this.#reactions(), this.#fate()].filter(one => one !== null)
    this.#body.append(...this.#under)
  }

  #quote() {
    const { reply } = this.#message
    if (!reply) return []
    const to = this.#room.find(reply)
    const name = to?.by.name ?? ''
    const text = to?.gone ? say('gone') : to ? plain(to.text) : say('earlier')
    return [node('button', {
      class: 'quote', type: 'button', tabindex: -1, 'data-go': reply, 'aria-label': to && say('goTo', { name, text: text.slice(0, 200) }),
    }, to ? node('b', {}, node('bdi', {}, name)) : null, ' ', node('bdi', {}, text.slice(0, 200)))]
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
