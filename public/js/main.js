// @ts-check
import { Problem, call } from './call.js'
import { learnTransports } from './link/transports.js'
import { offerWays, showLogin } from './login.js'
import { learnLimits } from './limits.js'
import { forget, forgetConversation, onRemembered, recall, remember } from './memory.js'
import { patiently } from './patience.js'
import { rendered } from './rendered.js'
import { learn, say, stamp } from './say.js'
import { learnWays } from './ways.js'

/** @typedef {import('./chat.js').User} User */

document.documentElement.dataset.appearance = recall('settings', { appearance: 'system' }).appearance
await learn()
if (/^#(transfer|assertion)=/.test(location.hash)) await (await import('./seldom.js')).showTransfer()
if (location.pathname.startsWith('/join/')) await (await import('./seldom.js')).showInvite()

// Who was here before goes straight in, offline too; the server is asked meanwhile.
let inside = false
let prepared = !!rendered // by the document itself
const known = rendered?.user ?? recall('me', /** @type {User | null} */ (null))
if (rendered) learnSession(rendered)
if (known) enter(known)
else showLogin(enter, recall('why', '') && say('signedOut'))
document.addEventListener('input', prepare, { once: true }) // somebody says a name: the rooms will be there when it is said
forget('why')
onRemembered('me', () => location.reload())

const session = rendered ?? await ask()
if (session && !rendered) learnSession(session)
if (session && known && session.user?.id !== known.id) session.user ? changed(session.user) : signedOut()
else if (session?.user && !inside) enter(session.user)

/** @param {{limits?: import('./limits.js').Limits, transports?: string[], ways?: string[]}} session */
function learnSession({ limits, transports, ways }) {
  if (limits) learnLimits(limits)
  if (transports) learnTransports(transports)
  if (ways) learnWays(ways)
  offerWays()
}

/** @param {User} user */
async function enter(user) {
  inside = true
  remember('me', user)
  prepare()
  const { openRooms } = await import('./room/page.js')
  openRooms(user, { onLeave: leave, onSignedOut: signedOut })
}

/** Fetches what the rooms are made of, all at once. */
function prepare() {
  if (!prepared) document.head.append(stamp('room-head'))
  prepared = true
}

async function leave() {
  await call('DELETE', '/login').catch(() => {}) // the cookie dies by itself
  forgetConversation()
  location.assign('/')
}

/** The session ended elsewhere. What was written stays for whoever comes back by the name. */
function signedOut() {
  forget('me')
  remember('why', 'signedOut')
  location.reload()
}

/** Somebody else is signed in now. @param {User} user */
function changed(user) {
  remember('me', user)
  location.reload()
}

/** Who the server says we are; nothing where it does not say. */
async function ask() {
  try {
    return await patiently(() => call('GET', '/login'))
  } catch (problem) {
    return problem instanceof Problem && problem.status === 401 ? { user: null } : null
  }
}
