// @ts-check
import { Problem, call } from './call.js'
import { pathOf } from './chat.js'
import { keep, showLogin } from './login.js'
import { recall, remember } from './memory.js'
import { say } from './say-seldom.js'
import { say as common, stamp } from './say.js'

/** Shows an invite that was opened: to which room, and the way in. Does not return. */
export async function showInvite() {
  const path = location.pathname
  try {
    const [{ title, room }, user] = await Promise.all([call('GET', path), whoIsHere()])
    const name = title || room
    document.title = name
    if (user) showButton(name, user)
    else showForm(name)
  } catch (problem) {
    refuse(problem)
  }
  await new Promise(() => {})

  /** @param {string} name */
  function showForm(name) {
    showLogin(user => { remember('me', user); join() })
    part('.login__title').textContent = say('invitedTo', { room: name })
    part('.login__lead').textContent = say('invitedWhy')
  }

  /** @param {string} name @param {import('./chat.js').User} user */
  function showButton(name, user) {
    const button = document.createElement('button')
    button.className = 'button'
    button.textContent = say('join')
    show(say('invitedTo', { room: name }), say('invitedAs', { name: user.name }))
    part('.problem a').before(button, ' ')
    button.addEventListener('click', () => { button.ariaBusy = 'true'; join() })
    button.focus()
  }

  async function join() {
    try {
      const { room, title } = await call('POST', path, {})
      remember('labels', { ...recall('labels', {}), [room]: title })
      location.assign(pathOf(room))
    } catch (problem) {
      refuse(problem)
    }
  }
}

/** Who is signed in; nobody, where the server does not know one. */
async function whoIsHere() {
  try {
    return (await call('GET', '/login')).user ?? null
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) return null
    throw problem
  }
}

/** @param {unknown} problem */
function refuse(problem) {
  const late = problem instanceof Problem && (problem.status === 410 || problem.status === 404)
  const why = problem instanceof Problem ? problem.message : common('brokenWhy')
  show(late ? say('inviteLate') : common('broken'), late ? say('inviteLateWhy') : why)
  part('h1').focus()
}

/** @param {string} title @param {string} text */
function show(title, text) {
  document.body.className = ''
  document.body.replaceChildren(...keep(), stamp('problem-page'))
  part('h1').textContent = document.title = title
  part('.login__lead').textContent = text
}

/** @param {string} name */
function part(name) {
  return /** @type {HTMLElement} */ (document.querySelector(name))
}
