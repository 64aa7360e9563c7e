// @ts-check
import { Problem, call } from './call.js'
import { recall, remember } from './memory.js'
import { waitAfter } from './patience.js'
import { say, stamp } from './say.js'
import { hasPasskeys, ways } from './ways.js'

const GHOST = 60_000 // milliseconds that one's own name may still be in use, after a connection that died
const AGAIN = 3_000 // milliseconds until it is asked for again

/**
 * Shows the login and calls back with who came in.
 * @param {(user: import('./chat.js').User) => void} enter
 * @param {string} [why] what to tell at once
 */
export function showLogin(enter, why = '') {
  document.body.className = ''
  document.body.replaceChildren(...keep(), stamp('login-page'))
  const form = /** @type {HTMLFormElement} */ (document.querySelector('.login__form'))
  const name = /** @type {HTMLInputElement} */ (form.elements.namedItem('user'))
  const next = /** @type {HTMLInputElement} */ (form.elements.namedItem('next'))
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button'))
  const error = /** @type {HTMLElement} */ (form.querySelector('[role=alert]'))

  let again = 0
  let busy = 0 // times that the server was, in a row
  let ghost = 0 // since when one's own name has been in use, by the clock of the page

  form.noValidate = true // what is wrong is said in the page, in its own words
  name.value = recall('name', '')
  next.value = location.pathname + location.search
  error.textContent = why || (navigator.cookieEnabled ? '' : say('cookiesNeeded'))
  const room = /^\/r\/([^/]+)/.exec(location.pathname)?.[1]
  if (room) lead(say('leadTo', { room: decodeURIComponent(room) }))

  form.addEventListener('submit', async event => {
    event.preventDefault()
    if (!name.value.trim()) return refuse(say('sayName'))
    clearTimeout(again) // who presses again is not made to wait
    button.ariaBusy = 'true'
    try {
      const user = await sayName(name.value.trim())
      if (!user) return refuse('')
      remember('name', user.name)
      if (!await isKept(user)) return refuse(say('cookiesNeeded'))
      enter(user)
    } catch (problem) {
      if (problem instanceof Problem && problem.busy) return queue(waitAfter(problem, ++busy))
      if (problem instanceof Problem && problem.status === 409) return taken()
      refuse(problem instanceof Problem ? problem.message : say('brokenWhy'))
    }
  })
  const passkey = /** @type {HTMLElement} */ (document.querySelector('.login__passkey'))
  passkey.addEventListener('click', async () => {
    try {
      const user = await (await import('./seldom.js')).showPasskey()
      if (!user) return refuse('')
      remember('name', user.name)
      enter(user)
    } catch (problem) {
      refuse(problem instanceof Problem ? problem.message : say('brokenWhy'))
    }
  })
  offerWays()
  name.addEventListener('input', () => (busy || ghost) && refuse('')) // it is another name that wants in

  /** The name is in use: by oneself, as like as not, if it is one's own. */
  function taken() {
    if (name.value.trim() !== recall('name', '')) return refuse(say('nameTaken'))
    ghost ||= performance.now()
    if (performance.now() - ghost > GHOST) return refuse(say('nameTaken'))
    error.textContent = say('ghost')
    again = setTimeout(() => form.requestSubmit(), AGAIN)
  }

  /** Waits, and goes in by itself. @param {number} wait milliseconds */
  function queue(wait) {
    error.textContent = say('queue', { n: Math.ceil(wait / 1000) })
    again = setTimeout(() => form.requestSubmit(), wait)
  }

  /** @param {string} text */
  function refuse(text) {
    clearTimeout(again)
    busy = ghost = 0
    button.ariaBusy = null
    error.textContent = text
    name.ariaInvalid = text ? 'true' : null
    name.focus()
  }

  /** @param {string} text */
  function lead(text) {
    const node = document.querySelector('.login__lead')
    if (node) node.textContent = text
  }
}

/** Shows the ways to sign in that there are: where names have to be proven, who comes first makes a passkey. */
export function offerWays() {
  const form = /** @type {HTMLElement | null} */ (document.querySelector('.login__form'))
  if (!form) return
  const passkey = /** @type {HTMLElement} */ (document.querySelector('.login__passkey'))
  const provider = /** @type {HTMLAnchorElement} */ (document.querySelector('.login__provider'))
  provider.hidden = !ways().includes('oidc')
  provider.href = `/login/oidc?next=${encodeURIComponent(location.pathname + location.search)}`
  form.hidden = !ways().includes('name') && !hasPasskeys()
  passkey.hidden = !hasPasskeys()
  const other = /** @type {HTMLElement} */ (document.querySelector('.login__elsewhere'))
  other.hidden = !form.hidden || !provider.hidden
}

/** Who somebody is by a name from now on; nobody where a passkey is needed and was not made. @param {string} name */
async function sayName(name) {
  if (ways().includes('name')) return (await call('POST', '/login', { name })).user
  await call('DELETE', '/login').catch(() => {}) // a session that has ended would be in the way
  return (await (await import('./seldom.js')).makePasskey({ name }))?.user
}

/** Reports whether the browser keeps the session's cookie. @param {import('./chat.js').User} user */
async function isKept({ id }) {
  if (navigator.cookieEnabled) return true
  const session = await call('GET', '/login').catch(() => ({ user: { id } })) // who cannot tell lets it pass
  return session.user?.id === id
}

/** The templates stay in the page. */
export function keep() {
  return document.querySelectorAll('body > template')
}
