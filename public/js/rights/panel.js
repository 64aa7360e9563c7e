// @ts-check
import { say as common } from '../say.js'
import { find, icon, node } from '../room/node.js'
import { openSheet } from '../room/sheet.js'
import { acts } from './acts.js'
import { ask } from './form.js'
import { Invites } from './invites.js'
import { Members } from './members.js'
import { say } from '../say-seldom.js'
import { Rules } from './settings.js'
import { Stopped } from './stopped.js'

/** Everything of a room but what is said in it: its members, invites, rules, and who is stopped. */
export class Panel {
  #button = node('button', { class: 'quiet bar__about', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'about', hidden: true },
    icon('members'), node('span', {}, say('about')))
  #title = node('h2', { class: 'panel__title', dir: 'auto' })
  #leave = node('button', { class: 'quiet panel__leave', type: 'button' }, say('leave'))
  #close = node('button', { class: 'quiet panel__leave', type: 'button' }, say('closeRoom'))
  #shut = node('button', { class: 'icon panel__close', type: 'button', 'aria-label': common('close') }, icon('close'))
  #members
  #invites
  #rules
  #stopped
  #rights
  #onOpen
  node

  /** @param {import('./rights.js').Rights} rights @param {() => void} onOpen */
  constructor(rights, onOpen) {
    this.#rights = rights
    this.#onOpen = onOpen
    this.#members = new Members(rights, user => rights.showPerson(user))
    this.#invites = new Invites(rights)
    this.#rules = new Rules(rights)
    this.#stopped = new Stopped(rights, user => rights.person.lift(user))
    this.node = node('aside', { class: 'panel', id: 'about', 'aria-label': say('about'), hidden: true },
      node('div', { class: 'panel__top' }, this.#title, this.#shut), this.#members.node, this.#invites.node, this.#rules.node, this.#stopped.node,
      node('div', { class: 'panel__end' }, this.#leave, this.#close))
    find('.people').before(this.node)
    find('.bar__people').before(this.#button)
    this.#button.addEventListener('click', () => this.toggle())
    this.#shut.addEventListener('click', () => this.toggle(false))
    this.#leave.addEventListener('click', () => this.#askToLeave())
    this.#close.addEventListener('click', () => this.#askToClose())
  }

  /** Another room is shown. @param {boolean} owned */
  show(owned) {
    this.toggle(false)
    this.#button.hidden = !owned
    document.body.classList.toggle('page--owned', owned)
  }

  /** What is known of the room changed. */
  draw() {
    const { facts, parts: { here: { me, room } } } = this.#rights
    const n = facts.members.size
    this.#button.ariaLabel = this.#button.title = say('aboutRoom', { n })
    if (this.node.hidden) return
    this.#title.textContent = room.title || room.label
    this.#members.draw()
    this.#rules.draw()
    this.#stopped.draw()
    const keeps = facts.isAtLeast('moderator') && facts.settings.access !== 'direct'
    this.#invites.node.hidden = this.#stopped.node.hidden = !keeps
    this.#leave.hidden = !facts.members.has(me.id)
    this.#close.hidden = !facts.isAtLeast('owner') || facts.settings.access === 'direct'
  }

  toggle(open = this.node.hidden) {
    if (!open && this.node.contains(document.activeElement)) this.#button.focus()
    this.node.hidden = !open
    this.#button.ariaExpanded = String(open)
    if (!open) return
    this.#onOpen()
    this.#rules.clear()
    this.#invites.clear()
    this.draw()
    this.#shut.focus()
    if (this.#invites.node.hidden) return
    this.#invites.load()
    this.#stopped.load()
  }

  #askToLeave() {
    const { facts, parts: { here } } = this.#rights
    const { name, label } = here.room
    if (facts.isLast) return void openSheet(say('leaveAsk', { room: label }), [node('p', {}, say('leaveLast'))])
    ask(say('leaveAsk', { room: label }), {
      inside: [node('p', {}, say('leaveWhy'))],
      button: say('leave'),
      bad: true,
      run: async () => {
        await acts.remove(name, here.me.id)
        here.close(name)
      },
    })
  }

  #askToClose() {
    const { here } = this.#rights.parts
    const { name, label } = here.room
    ask(say('closeAsk', { room: label }), {
      inside: [node('p', {}, say('closeWhy'))],
      button: say('closeRoom'),
      bad: true,
      run: async () => {
        await acts.close(name)
        here.close(name)
      },
    })
  }
}
