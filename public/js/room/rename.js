// @ts-check
import { Problem, call } from '../call.js'
import { remember } from '../memory.js'
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

let open = false

/**
 * Asks for another name, for somebody else has one's own now. One stays the same
 * user, and what waits to be sent goes under the new name.
 * @param {import('../chat.js').User} me
 * @param {string} [why] what to say instead, where nobody has it
 */
export function askForName(me, why = say('otherNameWhy', me)) {
  if (open) return
  open = true
  const name = node('input', { class: 'field', name: 'user', required: true, autocomplete: 'nickname', spellcheck: 'false', autofocus: true, value: me.name, 'aria-label': common('yourName') })
  const error = node('p', { class: 'rename__error', role: 'alert' })
  const form = node('form', { class: 'rename' }, node('p', {}, why), name, error,
    node('div', { class: 'sheet__end' }, node('button', { class: 'button' }, say('otherNameTake'))))
  const sheet = openSheet(say('otherName'), [form], { onClose: () => { open = false } })
  form.addEventListener('submit', async event => {
    event.preventDefault()
    try {
      const { user } = await call('POST', '/login', { name: name.value.trim() })
      remember('name', user.name)
      remember('me', user)
      sheet.close()
      location.reload() // all that is drawn says the old name
    } catch (problem) {
      error.textContent = !(problem instanceof Problem) ? common('brokenWhy') : problem.nameTaken ? say('otherNameWhy', { name: name.value.trim() }) : problem.message
    }
  })
  name.select()
}
