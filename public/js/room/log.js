// @ts-check
import { loadOlder } from './history.js'
import { Jump } from './jump.js'
import { Messages } from './messages.js'
import { find } from './node.js'
import { once } from './once.js'
import { Toolbar } from './toolbar.js'

/** What was said, what one can do with each line of it, and how far one has read. */
export class Log {
  toolbar
  #messages
  #jump
  #here
  #rooms
  #changes
  #composer

  /**
   * @param {{here: import('./here.js').Here, rooms: import('./rooms.js').Rooms,
   *   changes: import('./changes.js').Changes, composer: import('./composer.js').Composer}} parts
   */
  constructor({ here, rooms, changes, composer }) {
    this.#here = here
    this.#rooms = rooms
    this.#changes = changes
    this.#composer = composer
    this.#messages = new Messages(here.room)
    this.#jump = new Jump(this.#messages)
    this.toolbar = new Toolbar(this.#messages, here.me, {
      reply: to => composer.reply(to),
      edit: mine => composer.edit(mine),
      remove: mine => { changes.remove(mine); composer.focus() },
      react: (to, emoji) => changes.react(to, emoji),
      leave: () => composer.focus(),
    })
    this.#messages.onOlder = once(() => this.#loadOlder())
    this.#messages.onSeen = () => this.#seen()
    find('.log__older').addEventListener('click', () => this.#messages.onOlder())
    find('.log').addEventListener('click', event => this.#click(event))
    document.addEventListener('visibilitychange', () => this.#looked())
  }

  /** Shows the room that one is in now. */
  show() {
    const { room } = this.#here
    this.toolbar.hide()
    this.#messages.show(room, this.#rooms.mark(room.name))
  }

  /** The room changed. */
  change() {
    this.#messages.change()
  }

  /** Says something: all before it was read. @param {string} text @param {string} [reply] */
  post(text, reply) {
    this.#here.outbox.post(text, reply)
    this.#seen()
    this.#messages.newAfter = undefined
    this.#messages.toEnd()
  }

  async #loadOlder() {
    await loadOlder(this.#here.room)
    this.#messages.older()
  }

  /** What is on the screen and at its end was read. */
  #seen() {
    const { room } = this.#here
    if (!document.hidden && this.#messages.following && room.loaded) this.#rooms.read(room.name, room.last)
    this.#jump.draw(this.#rooms.mark(room.name))
  }

  /** The reader left or came back: what came since begins with a rule. */
  #looked() {
    if (document.hidden) this.#messages.newAfter = this.#rooms.mark(this.#here.room.name)
    else this.#messages.draw()
  }

  /** What the buttons in a line do. @param {MouseEvent} event */
  #click({ target }) {
    const message = this.#messages.at(target)
    const button = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('button')) : null
    if (!message || !button) return
    const { do: what, go, emoji } = button.dataset
    if (what === 'retry') this.#here.outbox.retry(message)
    if (what === 'drop') { this.#here.outbox.drop(message); this.#composer.focus() }
    if (go) this.#messages.goTo(go)
    if (emoji) this.#changes.react(message, emoji)
  }
}
