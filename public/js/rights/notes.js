// @ts-check
import { say, span } from '../say-seldom.js'
import { untilOf } from './when.js'

/** @typedef {import('../chat.js').Event} Event */

/** Tells what was done to the rules of a room, or to somebody; null: who joins and who leaves is nobody's concern. @param {Event} event */
export function describe(event) {
  return event.kind === 'member' ? ofMember(event) : ofRoom(event)
}

/** @param {Event} event */
function ofMember({ member }) {
  const { user: { name }, ban, until = 0, role, invite } = member ?? { user: { name: '' } }
  if (ban === 'mute') return say('didMute', { name, until: untilOf(until) })
  if (ban === 'ban') return say('didBan', { name, until: untilOf(until) })
  if (ban) return say('didLift', { name })
  return !invite && (role === 'owner' || role === 'moderator') ? say('didRank', { name, role: say(role) }) : null
}

/** @param {Event} event */
function ofRoom({ set }) {
  const { made, access, posting, locked, slow, retention } = /** @type {import('./facts.js').Settings & {made?: boolean}} */ (set ?? {})
  if (made) return say('didMake')
  if (access) return access === 'closed' ? say('didClose') : say('didAccess', { who: readers(access) })
  if (posting) return say('didPosting', { who: writers(posting) })
  if (locked !== undefined) return say(locked ? 'didLock' : 'didUnlock')
  if (slow !== undefined) return slow ? say('didSlow', { every: span(slow) }) : say('didSlowOff')
  if (retention !== undefined) return retention ? say('didForget', { after: span(retention) }) : say('didForgetOff')
  return null
}

/** @param {string} access */
export function readers(access) {
  return say(/** @type {'open'} */ (access in READERS ? access : 'open'))
}

/** @param {string} posting */
export function writers(posting) {
  return say(posting === 'moderators' ? 'moderators' : posting === 'members' ? 'members_' : 'everyone')
}

const READERS = { open: 1, unlisted: 1, private: 1, direct: 1 }
