// @ts-check
import { Problem, call } from '../call.js'
import { recall } from '../memory.js'
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { whenOf } from './clock.js'
import { showDevice } from './device.js'
import { node } from './node.js'
import { askForName } from './rename.js'
import { openSheet } from './sheet.js'

/** @typedef {{id: string, device?: string, used: number, current?: boolean}} Session */

/** Shows where one is signed in, and lets one sign out there. */
export async function showDevices() {
  const me = recall('me', { id: '', name: '' })
  const list = node('ul', { class: 'devices' })
  const problem = node('p', { class: 'devices__problem', role: 'alert' })
  const everywhere = node('button', { class: 'quiet', type: 'button', hidden: true }, say('signOutElsewhere'))
  const rename = node('button', { class: 'quiet', type: 'button' }, say('otherName'))
  const add = node('button', { class: 'button', type: 'button' }, say('device'))
  const sheet = openSheet(common('devices'), [node('p', {}, say('devicesWhy', me)), list, problem, node('div', { class: 'sheet__end' }, everywhere, rename, add)])
  rename.addEventListener('click', () => { sheet.close(); askForName(me, say('otherNameChosen')) })
  add.addEventListener('click', () => { sheet.close(); showDevice() })
  everywhere.addEventListener('click', () => everywhere.dataset.sure ? attempt(() => call('DELETE', '/me/sessions')) : ask(everywhere, say('signOutElsewhereSure')))
  await attempt(async () => {})

  /** Does something, and shows what there is then. @param {() => Promise<unknown>} act */
  async function attempt(act) {
    try {
      problem.textContent = ''
      await act()
      /** @type {{sessions: Session[]}} */
      const { sessions } = await call('GET', '/me/sessions')
      list.replaceChildren(...sessions.map(entry))
      everywhere.hidden = !sessions.some(one => !one.current)
      if (!sheet.contains(document.activeElement)) add.focus() // what was pressed is gone
    } catch (error) {
      problem.textContent = error instanceof Problem ? error.message : common('brokenWhy')
    }
  }

  /** @param {Session} session */
  function entry({ id, device, used, current }) {
    const name = device || say('someDevice')
    const out = !current && node('button', { class: 'quiet', type: 'button', 'aria-label': say('signOutOf', { name }) }, common('signOut'))
    if (out) out.addEventListener('click', () => out.dataset.sure ? attempt(() => call('DELETE', `/me/sessions/${encodeURIComponent(id)}`)) : ask(out, say('signOutOfSure')))
    return node('li', { class: 'devices__one' },
      node('span', {}, node('bdi', { class: 'devices__name' }, name), node('span', { class: 'devices__when' }, current ? say('thisDevice') : say('usedAt', { when: whenOf(used) }))), out)
  }
}

/** Has a button ask: it does what it says when it is pressed once more. @param {HTMLButtonElement} button @param {string} question */
function ask(button, question) {
  button.dataset.sure = 'yes'
  button.className = 'button button--bad'
  button.removeAttribute('aria-label')
  button.textContent = question
}
