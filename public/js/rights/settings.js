// @ts-check
import { limit } from '../limits.js'
import { node } from '../room/node.js'
import { AN_HOUR, acts } from './acts.js'
import { check, labelled, select, whyOf } from './form.js'
import { readers, writers } from './notes.js'
import { say, span } from '../say-seldom.js'
import { section } from './section.js'

const SLOW = [0, 10, 30, 60, 300, AN_HOUR] // seconds
const FORGETS = [0, AN_HOUR, 24 * AN_HOUR, 7 * 24 * AN_HOUR, 30 * 24 * AN_HOUR]

/** The rules of the room: to be changed by whoever keeps it, to be read by everybody. */
export class Rules {
  #form = node('form', { class: 'panel__form' })
  #said = node('p', { class: 'panel__said', role: 'status' })
  #drawn = ''
  #rights
  node

  /** @param {import('./rights.js').Rights} rights */
  constructor(rights) {
    this.#rights = rights
    this.node = section(say('rules'), this.#form, this.#said)
    this.#form.addEventListener('submit', event => event.preventDefault())
    this.#form.addEventListener('change', ({ target }) => this.#change(/** @type {HTMLInputElement | HTMLSelectElement} */ (target)))
  }

  /** Draws anew what changed: a field that somebody is in stays. */
  draw() {
    const { facts, parts: { here } } = this.#rights
    const now = JSON.stringify([facts.settings, facts.role, here.room.title, here.room.name])
    if (now === this.#drawn || (this.#form.contains(document.activeElement) && this.#drawn)) return
    this.#drawn = now
    this.#form.replaceChildren(...(facts.isAtLeast('moderator') && facts.settings.access !== 'direct' ? this.#fields() : this.#facts()))
  }

  /** Another room is shown. */
  clear() {
    this.#drawn = this.#said.textContent = ''
  }

  #fields() {
    const { facts, parts: { here } } = this.#rights
    const { posting = 'everyone', locked = false, slow = 0, retention = 0, access = 'open' } = facts.settings
    const title = node('input', { class: 'field', name: 'title', autocomplete: 'off', dir: 'auto', value: here.room.title })
    limit(title, 'title')
    const fields = [labelled(say('title'), title), check(say('locked'), 'locked', locked), labelled(say('slow'), select(SLOW.map(n => [String(n), n ? span(n) : say('slowOff')]), String(slow), 'slow'))]
    if (!facts.isAtLeast('owner')) return [...fields, ...this.#facts().slice(0, 1)]
    if (access !== 'private') fields.push(labelled(say('whoReads'), select([['open', readers('open')], ['unlisted', readers('unlisted')]], access, 'access')))
    fields.push(labelled(say('whoPosts'), select([['everyone', writers('everyone')], ['members', writers('members')], ['moderators', writers('moderators')]], posting, 'posting')))
    fields.push(labelled(say('forgets'), select(FORGETS.map(n => [String(n), n ? span(n) : say('forgetsNever')]), String(retention), 'retention')))
    return fields
  }

  #facts() {
    const { access = 'open', posting = 'everyone', locked, slow, retention } = this.#rights.facts.settings
    const rows = [[say('whoReads'), readers(access)], [say('whoPosts'), locked ? say('lockedShort') : writers(posting)], [say('slow'), slow ? span(slow) : say('slowOff')], [say('forgets'), retention ? span(retention) : say('forgetsNever')]]
    return [node('dl', { class: 'panel__facts' }, ...rows.map(([what, how]) => node('div', {}, node('dt', {}, what), node('dd', {}, how))))]
  }

  /** @param {HTMLInputElement | HTMLSelectElement} field */
  async #change(field) {
    const { name, value } = field
    const to = field instanceof HTMLInputElement && field.type === 'checkbox' ? field.checked : name === 'slow' || name === 'retention' ? Number(value) : value.trim()
    try {
      this.#rights.did(await acts.set(this.#rights.parts.here.room.name, { [name]: to }))
      this.#said.textContent = say('saved')
    } catch (problem) {
      this.#said.textContent = whyOf(problem)
      this.#drawn = ''
      field.blur()
      this.draw()
    }
  }
}
