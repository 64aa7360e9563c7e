// @ts-check
import { tint } from '../room/hue.js'
import { node } from '../room/node.js'
import { acts } from './acts.js'
import { whyOf } from './form.js'
import { say } from '../say-seldom.js'
import { section } from './section.js'
import { untilOf } from './when.js'

/** Who is muted or banned in the room. */
export class Stopped {
  #list = node('ul', { class: 'panel__list' })
  #none = node('p', { class: 'panel__none' }, say('nobodyStopped'))
  #rights
  #onLift
  node

  /** @param {import('./rights.js').Rights} rights @param {(user: import('../chat.js').User) => void} onLift */
  constructor(rights, onLift) {
    this.#rights = rights
    this.#onLift = onLift
    this.node = section(say('stopped'), this.#none, this.#list)
  }

  async load() {
    const { facts, parts: { here, status } } = this.#rights
    const { name } = here.room
    try {
      const { bans } = await acts.bans(name)
      if (name !== here.room.name) return
      facts.bans = new Map(bans.map(one => [one.user.id, one]))
      this.draw()
    } catch (problem) {
      status.tell(whyOf(problem))
    }
  }

  draw() {
    const bans = [...this.#rights.facts.bans.values()].filter(({ until }) => !until || until > Date.now())
    this.#none.hidden = bans.length > 0
    this.#list.replaceChildren(...bans.map(({ user, ban, until = 0, reason }) => {
      const name = node('span', { class: 'person' }, node('bdi', {}, user.name))
      tint(name, user.id)
      const lift = node('button', { class: 'text-button', type: 'button', 'aria-label': say('liftOf', user) }, say('lift'))
      lift.addEventListener('click', () => this.#onLift(user))
      return node('li', { class: 'panel__row' }, name,
        node('span', { class: 'panel__role' }, say(ban === 'mute' ? 'muted' : 'banned', { until: untilOf(until) }), reason && node('bdi', { class: 'panel__reason' }, reason)), lift)
    }))
  }
}
