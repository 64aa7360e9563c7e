// @ts-check
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

/** Asks once more, for something would be lost. @param {() => void} signOut */
export function askToSignOut(signOut) {
  const out = node('button', { class: 'button button--bad', type: 'button' }, say('signOutAnyway'))
  const stay = node('button', { class: 'quiet', type: 'button', autofocus: true }, common('cancel'))
  const dialog = openSheet(say('signOutAsk'), [node('p', {}, say('signOutUnsent')), node('div', { class: 'sheet__end' }, stay, out)])
  stay.addEventListener('click', () => dialog.close())
  out.addEventListener('click', () => { dialog.close(); signOut() })
}
