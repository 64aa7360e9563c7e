// @ts-check
import { isAfter, pathOf } from '../chat.js'
import { say } from '../say.js'
import { loadOlder } from './history.js'
import { Messages } from './messages.js'
import { find } from './node.js'
import { oneAtATime } from './single.js'
import { Toolbar } from './toolbar.js'
import { Ways } from './ways.js'

/** @typedef {import('./message.js').Message} Message */

const MINUTE = 60_000
const PASSING = 1_000 // milliseconds: what comes sooner after the last frame passed before the reader's eyes

/** What was said, what one can do with each line of it, and how far one has read. */
export class Log {
  toolbar
  #messages
  #ways
  #here
  #rooms
  #outbox
  #undo
  #composer
  /** @type {{name: string, to: string, at: number} | undefined} the end that the reader followed when it was drawn last */
  #before

  /**
   * @param {{here: import('./current.js').Current, rooms: import('./rooms.js').Rooms,
   *   outbox: import('./outbox.js').Outbox, undo: import('./undo.js').Undo, composer: import('./composer.js').Composer,
   *   more: import('./toolbar.js').More}} parts `more`: what else can be done with a line
   */
  constructor({ here, rooms, outbox, undo, composer, more }) {
    this.#here = here
    this.#rooms = rooms
    this.#outbox = outbox
    this.#undo = undo
    this.#composer = composer
    this.#messages = new Messages(here.room)
    this.#ways = new Ways(this.#messages, rooms, here)
    this.toolbar = new Toolbar(this.#messages, here.me, {
      reply: to => composer.reply(to),
      edit: mine => composer.edit(mine),
      remove: mine => this.remove(mine),
      react: (to, emoji) => this.#react(to, emoji),
      link: ({ id }) => location.origin + pathOf(here.room.name, id),
      leave: () => composer.focus(),
      more,
    })
    this.#messages.onOlder = oneAtATime(() => this.#loadOlder())
    this.#messages.onSeen = () => this.#seen()
    find('.log__older').addEventListener('click', () => this.#messages.onOlder())
    find('.log').addEventListener('click', event => this.#click(event))
    document.addEventListener('visibilitychange', () => this.#looked())
    setInterval(() => this.#messages.look(), MINUTE)
  }

  /** Shows the room that one is in now. */
  show() {
    const { room } = this.#here
    this.toolbar.hide()
    this.#messages.show(room, this.#rooms.mark(room.name), () => this.#rooms.unreadIn(room.name)[0]?.id)
  }

  /** The room is called something else. */
  rename() {
    this.#messages.rename()
  }

  /** Has events about the rules of the room told in the log. @param {(event: import('../chat.js').Event) => string | null} describe */
  tell(describe) {
    this.#messages.rules.describe = describe
    this.change()
  }

  /** The room changed. */
  change() {
    this.#messages.change()
  }

  /** Says something, at the end. @param {string} text @param {string} [reply] */
  post(text, reply) {
    this.#outbox.add({ kind: 'post', text, reply })
    this.#messages.newAfter = undefined
    this.#messages.toEnd()
  }

  /** @param {Message} mine @param {string} text */
  edit(mine, text) {
    if (text !== mine.text) this.#outbox.add({ kind: 'edit', target: mine.id, text })
  }

  /** A deletion can be taken back for a while. @param {Message} line one's own, or of a room that one moderates */
  remove(line) {
    const key = this.#outbox.add({ kind: 'delete', target: line.id })
    this.#undo.offer(say('deleted'), () => this.#outbox.drop(key))
    this.#composer.focus()
  }

  /** Puts a reaction there, or takes it back. @param {Message} to @param {string} emoji */
  #react(to, emoji) {
    const off = to.reactions(this.#here.me).get(emoji)?.has(this.#here.me.id) ?? false
    this.#outbox.add({ kind: 'react', target: to.id, emoji, off })
  }

  async #loadOlder() {
    await loadOlder(this.#here.room)
    this.#messages.older()
  }

  /** Goes to a line, however far back it is, and reports whether it is there. @param {string} id */
  async goTo(id) {
    const { room } = this.#here
    while (!room.find(id) && room.more && (!room.first || isAfter(room.first, id))) {
      const { first } = room
      await loadOlder(room).catch(() => {})
      if (room.first === first) break
    }
    return room === this.#here.room && this.#messages.goTo(id)
  }

  /** What is on the screen is read, while somebody looks. */
  #seen() {
    const { name, loaded, saved } = this.#here.room
    const { seen, following, leapt } = this.#messages
    if (leapt) this.#before = undefined
    this.#messages.leapt = false
    if (seen && !document.hidden && loaded && !saved) this.#rooms.see(name, this.#passed(following) ?? seen[0], seen[1])
    this.#before = seen && following && !document.hidden ? { name, to: seen[1], at: Date.now() } : undefined
    this.#ways.draw()
  }

  /** Where that begins which passed over the screen since it was drawn last, for a reader who follows the end. @param {boolean} following */
  #passed(following) {
    const { name, to, at } = this.#before ?? { name: '', to: '', at: 0 }
    const now = Date.now()
    if (following && name === this.#here.room.name && now >= at && now - at < PASSING) return to
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
    if (what === 'retry') this.#outbox.retry(this.#outbox.keyOf(message))
    if (what === 'drop') { this.#outbox.drop(this.#outbox.keyOf(message)); this.#composer.focus() }
    if (go) this.goTo(go)
    if (emoji) this.#react(message, emoji)
  }
}
