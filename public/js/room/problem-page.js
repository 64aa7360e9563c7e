// @ts-check
import { stamp } from '../say.js'
import { say } from '../say.js'
import { keep } from '../login.js'
import { find } from './node.js'

/** @type {Record<number, [string, string]>} */
const WORDS = {
  403: [say('notYours'), say('notYoursWhy')],
  404: [say('noRoom'), say('noRoomWhy')],
}

/** Says in words why there is no room here. @param {number} status @param {string} [reason] that the server gave */
export function showProblem(status, reason) {
  const [title, why] = WORDS[status] ?? [say('broken'), say('brokenWhy')]
  document.body.className = ''
  document.body.replaceChildren(...keep(), stamp('problem-page'))
  const heading = find('h1')
  heading.textContent = document.title = title
  find('.login__lead').textContent = reason || why
  heading.focus()
}
