// @ts-check
import { Problem, call } from './call.js'
import { keep } from './login.js'
import { forgetConversation, recall, remember } from './memory.js'
import { say } from './say-seldom.js'
import { say as common, stamp } from './say.js'

/**
 * Asks before this device is signed in by the link of another, for somebody else may have sent it; or by the token of
 * a site, where somebody is signed in who may be another. Does not return.
 */
export async function showTransfer() {
  const ofSite = location.hash.startsWith('#assertion=')
  const code = location.hash.slice(location.hash.indexOf('=') + 1)
  history.replaceState(null, '', '/')
  document.body.replaceChildren(...keep(), stamp('problem-page'))
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.querySelector(name))
  const button = document.createElement('button')
  button.className = 'button'
  button.textContent = say('transferTake')
  part('.login__title').textContent = say('transfer')
  part('.login__lead').textContent = say(ofSite ? 'assertionWhy' : 'transferWhy')
  part('.problem a').before(button, ' ')
  button.focus()
  button.addEventListener('click', async () => {
    try {
      const { user } = await call('POST', '/login', ofSite ? { assertion: code } : { transfer: code })
      if (recall('me', { id: '' }).id !== user.id) forgetConversation()
      remember('name', user.name)
      remember('me', user)
      location.assign('/')
    } catch (problem) {
      button.hidden = true
      part('.login__lead').role = 'alert'
      part('.login__lead').textContent = problem instanceof Problem && problem.status === 401 ? say(ofSite ? 'assertionLate' : 'transferLate') : problem instanceof Problem ? problem.message : common('brokenWhy')
    }
  })
  if (ofSite && !recall('me', null)) button.click()
  await new Promise(() => {})
}
