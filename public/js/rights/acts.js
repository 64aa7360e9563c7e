// @ts-check
import { call } from '../call.js'
import { pathOf } from '../chat.js'

/** @typedef {import('./facts.js').Role} Role */
/** @typedef {import('../chat.js').Event} Event */

export const TEN_MINUTES = 600 // seconds
export const AN_HOUR = 3_600

/** What whoever keeps a room asks of the server. */
export const acts = {
  /** @param {string} room @param {string} [after] a user's id @returns {Promise<import('./facts.js').Answer>} */
  members: (room, after) => call('GET', `${pathOf(room, 'members')}?${new URLSearchParams({ n: '100', ...(after && { after }) })}`),
  /** @param {string} room @returns {Promise<{bans: import('./facts.js').Ban[]}>} */
  bans: room => call('GET', pathOf(room, 'bans')),
  /** @param {string} room @param {string} user @param {{seconds?: number, mute?: boolean, reason?: string, erase?: number}} how @returns {Promise<Event & {erased?: number}>} */
  stop: (room, user, how) => call('PUT', pathOf(room, 'bans', user), how),
  /** @param {string} room @param {string} user @returns {Promise<Event>} */
  lift: (room, user) => call('DELETE', pathOf(room, 'bans', user)),
  /** @param {string} room @param {string} user @param {Role} role @returns {Promise<Event>} */
  rank: (room, user, role) => call('PUT', pathOf(room, 'members', user), { role }),
  /** @param {string} room @param {string} user @returns {Promise<Event>} */
  remove: (room, user) => call('DELETE', pathOf(room, 'members', user)),
  /** @param {string} room @param {object} change @returns {Promise<Event>} */
  set: (room, change) => call('PATCH', pathOf(room), change),
  /** @param {string} room @returns {Promise<Event>} */
  close: room => call('DELETE', pathOf(room)),
  /** @param {string} room @param {{role: string, uses: number, seconds: number}} how @returns {Promise<{id: string, role: string, uses: number, until: number, url: string, qr: string}>} */
  invite: (room, how) => call('POST', pathOf(room, 'invites'), how),
  /** @param {string} room @returns {Promise<{invites: {id: string, role: string, uses: number, until: number}[]}>} */
  invites: room => call('GET', pathOf(room, 'invites')),
  /** @param {string} room @param {string} id @returns {Promise<Event>} */
  takeBack: (room, id) => call('DELETE', pathOf(room, 'invites', id)),
  /** @param {string} room @param {string} id @param {string} reason */
  report: (room, id, reason) => call('POST', pathOf(room, id, 'reports'), { reason }),
  /** @param {string[]} users @param {string} room in which they are @returns {Promise<{room: string, title: string, with?: import('../chat.js').User[]}>} */
  direct: (users, room) => call('POST', '/direct', { users, room }),
  /** @param {object} room @returns {Promise<{room: string, title: string, access: string}>} */
  make: room => call('POST', '/rooms', room),
}
