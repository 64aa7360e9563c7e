// @ts-check
import { Problem, call } from '../call.js'
import { recall } from '../memory.js'
import { makePasskey } from '../passkey.js'
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

/** Shows by which passkeys one keeps the name, and makes and forgets them. */
export async function showPasskeys() {
  const list = node('ul', { class: 'passkeys' })
  const problem = node('p', { class: 'passkeys__problem', role: 'alert' })
  const code = node('p', { class: 'passkeys__code', role: 'status' })
  const add = node('button', { class: 'button', type: 'button' }, say('passkeyMake'))
  const sheet = openSheet(common('passkey'), [node('p', {}, say('passkeyWhy', { name: recall('me', { name: '' }).name })), list, code, problem, node('div', { class: 'sheet__end' }, add)])
  add.addEventListener('click', () => attempt(() => makePasskey({ label: navigator.platform || undefined })))
  await attempt(() => call('GET', '/me/passkeys'))

  /** Does something, and shows what there is then. @param {() => Promise<import('../passkey.js').Kept | undefined>} act */
  async function attempt(act) {
    problem.textContent = ''
    add.ariaBusy = 'true'
    try {
      const kept = await act()
      if (kept) list.replaceChildren(...kept.passkeys.map(entry))
      if (kept?.recovery) code.replaceChildren(say('passkeyCode'), ' ', node('code', {}, kept.recovery))
    } catch (error) {
      problem.textContent = error instanceof Problem ? error.message === 'InvalidStateError' ? say('passkeyThere') : error.message : common('brokenWhy')
    }
    add.ariaBusy = null
    if (!sheet.contains(document.activeElement)) add.focus()
  }

  /** @param {{id: string, label?: string, made: number}} key */
  function entry({ id, label, made }) {
    const when = new Date(made * 1000).toLocaleDateString(document.documentElement.lang)
    const name = label ? `${label}, ${when}` : when
    const out = node('button', { class: 'quiet', type: 'button', 'aria-label': say('passkeyRemoveOf', { name }) }, say('passkeyRemove'))
    out.addEventListener('click', () => {
      if (out.dataset.sure) return attempt(() => call('DELETE', `/me/passkeys/${encodeURIComponent(id)}`))
      out.dataset.sure = 'yes'
      out.className = 'button button--bad'
      out.textContent = say('passkeyRemoveSure')
    })
    return node('li', { class: 'passkeys__one' }, node('bdi', {}, name), out)
  }
}
