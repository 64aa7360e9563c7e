// @ts-check
import { Problem, call } from './call.js'
import { recall, remember } from './memory.js'
import { waitAfter } from './patience.js'
import { say, stamp } from './say.js'

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

  form.noValidate = true // what is wrong is said in the page, in its own words
  name.value = recall('name', '')
  next.value = location.pathname + location.search
  if (why) error.textContent = why
  const room = /^\/r\/([^/]+)/.exec(location.pathname)?.[1]
  if (room) lead(say('leadTo', { room: decodeURIComponent(room) }))

  form.addEventListener('submit', async event => {
    event.preventDefault()
    if (!name.value.trim()) return refuse(say('sayName'))
    clearTimeout(again) // who presses again is not made to wait
    button.ariaBusy = 'true'
    try {
      const { user } = await call('POST', '/login', { name: name.value.trim() })
      remember('name', user.name)
      enter(user)
    } catch (problem) {
      if (problem instanceof Problem && problem.busy) return queue(waitAfter(problem, ++busy))
      refuse(problem instanceof Problem ? problem.message : say('brokenWhy'))
    }
  })
  name.addEventListener('input', () => busy && refuse('')) // it is another name that wants in

  /** Waits, and goes in by itself. @param {number} wait milliseconds */
  function queue(wait) {
    error.textContent = say('queue', { n: Math.ceil(wait / 1000) })
    again = setTimeout(() => form.requestSubmit(), wait)
  }

  /** @param {string} text */
  function refuse(text) {
    clearTimeout(again)
    busy = 0
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

/** The templates stay in the page. */
export function keep() {
  return document.querySelectorAll('body > template')
}
