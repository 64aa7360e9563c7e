// @ts-check
import { node } from '../room/node.js'
import { AN_HOUR, acts } from './acts.js'
import { labelled, select, whyOf } from './form.js'
import { say, span } from '../say-seldom.js'
import { section } from './section.js'
import { untilOf } from './when.js'

const USES = [1, 5, 25, 100]
const DAY = 24 * AN_HOUR

/** @typedef {{id: string, role: string, uses: number, until: number}} Invite */

/** The links that let people into the room. */
export class Invites {
  #uses = select(USES.map(n => [String(n), say('people', { n })]))
  #within = select([[String(AN_HOUR), span(AN_HOUR)], [String(DAY), span(DAY)], [String(7 * DAY), span(7 * DAY)], [String(30 * DAY), span(30 * DAY)]], String(7 * DAY))
  #role = select([['member', say('member')]])
  #card = node('div', { class: 'invite', hidden: true })
  #list = node('ul', { class: 'panel__list' })
  #none = node('p', { class: 'panel__none' }, say('noInvites'))
  #said = node('p', { class: 'panel__said', role: 'status' })
  #as = labelled(say('inviteAs'), this.#role)
  #rights
  node

  /** @param {import('./rights.js').Rights} rights */
  constructor(rights) {
    this.#rights = rights
    const form = node('form', { class: 'panel__form' }, labelled(say('inviteFor'), this.#uses), labelled(say('inviteWithin'), this.#within), this.#as,
      node('button', { class: 'button' }, say('makeInvite')))
    this.node = section(say('invite'), form, this.#said, this.#card, node('p', { class: 'panel__sub' }, say('invites')), this.#none, this.#list)
    form.addEventListener('submit', event => { event.preventDefault(); this.#make() })
  }

  get #room() {
    return this.#rights.parts.here.room.name
  }

  /** Another room is shown. */
  clear() {
    this.#card.hidden = true
    this.#card.replaceChildren()
    this.#said.textContent = ''
    this.#draw([])
    const roles = /** @type {('member' | 'moderator' | 'owner')[]} */ (this.#rights.facts.isAtLeast('owner') ? ['member', 'moderator', 'owner'] : ['member'])
    this.#role.replaceChildren(...roles.map(role => node('option', { value: role }, say(role))))
    this.#as.hidden = roles.length < 2
  }

  async load() {
    const room = this.#room
    try {
      const { invites } = await acts.invites(room)
      if (room === this.#room) this.#draw(invites)
    } catch (problem) {
      this.#said.textContent = whyOf(problem)
    }
  }

  async #make() {
    this.#said.textContent = ''
    try {
      this.#show(await acts.invite(this.#room, { role: this.#role.value, uses: Number(this.#uses.value), seconds: Number(this.#within.value) }))
      await this.load()
    } catch (problem) {
      this.#said.textContent = whyOf(problem)
    }
  }

  /** @param {Invite & {url: string, qr: string}} invite */
  #show({ url, qr, uses, until }) {
    const link = node('input', { class: 'field', readonly: true, value: url, 'aria-label': say('inviteLink') })
    const copy = node('button', { class: 'text-button', type: 'button' }, say('copyInvite'))
    link.addEventListener('focus', () => link.select())
    copy.addEventListener('click', () => navigator.clipboard?.writeText(url).then(() => { copy.textContent = say('copied') }, () => link.select()))
    this.#card.replaceChildren(
      node('img', { class: 'invite__code', alt: say('inviteCode'), src: `data:image/svg+xml,${encodeURIComponent(qr)}` }),
      node('p', {}, say('inviteGood', { n: uses, when: untilOf(until) })), node('p', {}, say('inviteWhy')), link, copy)
    this.#card.hidden = false
    copy.focus()
  }

  /** @param {Invite[]} invites */
  #draw(invites) {
    this.#none.hidden = invites.length > 0
    this.#list.replaceChildren(...invites.map(invite => {
      const back = node('button', { class: 'text-button', type: 'button' }, say('takeBack'))
      const row = node('li', { class: 'panel__row' }, node('span', { class: 'panel__what' }, say('inviteGood', { n: invite.uses, when: untilOf(invite.until) })), back)
      back.addEventListener('click', () => this.#takeBack(invite.id))
      return row
    }))
  }

  /** @param {string} id */
  async #takeBack(id) {
    try {
      await acts.takeBack(this.#room, id)
      this.#card.hidden = true
      await this.load()
    } catch (problem) {
      this.#said.textContent = whyOf(problem)
    }
  }
}
