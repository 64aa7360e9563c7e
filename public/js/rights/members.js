// @ts-check
import { tint } from '../room/hue.js'
import { icon, node } from '../room/node.js'
import { say as common } from '../say.js'
import { acts } from './acts.js'
import { whyOf } from './form.js'
import { say } from '../say-seldom.js'
import { section } from './section.js'

/** @typedef {import('../chat.js').User} User */

/** Who belongs to the room, and who else is here. */
export class Members {
  #list = node('ul', { class: 'panel__list' })
  #others = node('ul', { class: 'panel__list' })
  #also = node('p', { class: 'panel__sub', hidden: true }, say('alsoHere'))
  #more = node('button', { class: 'quiet panel__more', type: 'button', hidden: true }, say('moreMembers'))
  #rights
  node

  /** @param {import('./rights.js').Rights} rights @param {(user: User) => void} onMore */
  constructor(rights, onMore) {
    this.#rights = rights
    this.node = section(say('members'), this.#list, this.#more, this.#also, this.#others)
    this.node.addEventListener('click', ({ target }) => {
      const button = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('[data-user]')) : null
      if (button) onMore({ id: button.dataset.user ?? '', name: button.dataset.name ?? '' })
    })
    this.#more.addEventListener('click', () => this.#load())
  }

  draw() {
    const { facts, parts: { people, here: { me } } } = this.#rights
    const present = new Map(people.all.map(user => [user.id, user]))
    this.#list.replaceChildren(...facts.sorted.map(({ user, role }) => this.#row(user, user.id === me.id, say(role), present.has(user.id))))
    const others = [...present.values()].filter(({ id }) => !facts.members.has(id))
    this.#others.replaceChildren(...others.map(user => this.#row(user, user.id === me.id, say('guest'), true)))
    this.#also.hidden = this.#others.hidden = !others.length
    this.#more.hidden = !this.#rights.after
  }

  /** @param {User} user @param {boolean} mine @param {string} role @param {boolean} present */
  #row(user, mine, role, present) {
    const name = node('span', { class: 'person' }, node('bdi', {}, user.name), mine && ' ', mine && node('small', {}, common('you')))
    if (mine) name.classList.add('person--mine')
    else tint(name, user.id)
    const label = common('moreOn', { name: user.name })
    return node('li', { class: 'panel__row' },
      present ? node('span', { class: 'present', role: 'img', 'aria-label': say('here'), title: say('here') }) : node('span', { class: 'present present--away' }),
      name, node('span', { class: 'panel__role' }, role),
      !mine && node('button', { class: 'icon', type: 'button', 'data-user': user.id, 'data-name': user.name, 'aria-label': label, title: label }, icon('more')))
  }

  async #load() {
    const { facts, parts: { here, status } } = this.#rights
    try {
      const answer = await acts.members(here.room.name, this.#rights.after)
      facts.add(answer.members)
      this.#rights.page(answer)
      this.draw()
    } catch (problem) {
      status.tell(whyOf(problem))
    }
  }
}
