// @ts-check
import { Problem } from '../call.js'
import { isRoom, roomNamed } from '../chat.js'
import { limit } from '../limits.js'
import { node } from '../room/node.js'
import { acts } from './acts.js'
import { addressOf } from './address.js'
import { ask, labelled, select } from './form.js'
import { say } from '../say-seldom.js'

/**
 * Asks what a new room is to be, and makes it.
 * @param {string} typed its title, as far as it was typed already
 * @param {(room: {room: string, title: string, access: string}) => void} then
 */
export function makeRoom(typed, then) {
  const title = node('input', { class: 'field', name: 'title', autocomplete: 'off', dir: 'auto', autofocus: true, value: typed })
  const address = node('input', { class: 'field', name: 'room', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', value: addressOf(typed) })
  const posting = select([['everyone', say('everyone')], ['members', say('members_')], ['moderators', say('moderators')]])
  const access = node('fieldset', { class: 'choice choice--rows' }, node('legend', {}, say('access')),
    radio('open', say('accessOpen'), true), radio('unlisted', say('accessUnlisted')), radio('private', say('accessPrivate')))
  const where = labelled(say('address'), address, say('addressWhy'))
  limit(title, 'title')
  limit(address, 'room')
  let own = false // the address was written, not made
  title.addEventListener('input', () => { if (!own) address.value = addressOf(title.value) })
  address.addEventListener('input', () => { own = !!address.value })
  access.addEventListener('change', () => { where.hidden = chosen(access) === 'private' })
  ask(say('newRoom'), {
    inside: [labelled(say('title'), title), access, where, labelled(say('whoPosts'), posting)],
    button: say('make'),
    run: async () => {
      const named = title.value.trim()
      if (!named) refuse(title, say('needTitle'))
      const how = chosen(access)
      const room = how === 'private' ? undefined : roomNamed(address.value.trim()) || addressOf(named)
      if (how !== 'private' && !isRoom(room ?? '')) refuse(address, say('addressWhy'))
      try {
        then(await acts.make({ title: named, access: how, room, posting: posting.value }))
      } catch (problem) {
        if (problem instanceof Problem && problem.status === 409 && room) refuse(address, say('addressTaken'))
        throw problem
      }
    },
  })
}

/** @param {HTMLInputElement} field @param {string} why */
function refuse(field, why) {
  field.ariaInvalid = 'true'
  field.focus()
  field.addEventListener('input', () => { field.ariaInvalid = null }, { once: true })
  throw new Problem(422, why)
}

/** @param {string} value @param {string} words @param {boolean} [checked] */
function radio(value, words, checked = false) {
  return node('label', {}, node('input', { type: 'radio', name: 'access', value, checked }), ' ', node('span', {}, words))
}

/** @param {HTMLElement} access */
function chosen(access) {
  return /** @type {HTMLInputElement} */ (access.querySelector(':checked')).value
}
