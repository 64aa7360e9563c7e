// @ts-check

// The language of the page: the words of the server's package chat.

/** @typedef {{id: string, name: string}} User */
/**
 * @typedef {object} Event something that happened in a room and is written down
 * @property {string} room
 * @property {string} id
 * @property {string} prev the id of the event before it in the room
 * @property {number} [at] when it happened, in milliseconds, where the id does not say so
 * @property {'message' | 'edit' | 'delete' | 'reaction' | 'room' | 'member' | 'notice'} kind
 * @property {User} by
 * @property {string} [text]
 * @property {string} [target]
 * @property {string} [reply]
 * @property {string} [emoji]
 * @property {boolean} [off]
 * @property {Record<string, unknown>} [set] what changes of the room beside the title
 * @property {{user: User, role?: string, ban?: string, until?: number, invite?: string}} [member] who is what from now on
 * @property {string} [notice] notice: why it concerns its reader
 * @property {{room: string, id: string}} [of] notice: what it tells of
 * @property {string} [keyHash] stands for the key under which it was sent
 */
/**
 * @typedef {object} Signal something that only passes by
 * @property {'typing' | 'presence' | 'ping' | 'reset' | 'bye' | 'open' | 'inbox' | 'read'} kind
 * @property {string} [room]
 * @property {User} [by]
 * @property {User[]} [joined]
 * @property {User[]} [left]
 * @property {number} [count]
 * @property {number} [now]
 * @property {string} [cursor]
 * @property {number} [retry]
 * @property {number} [ping]
 * @property {string} [inbox] of a stream that opens: the id of the last notice for its user
 * @property {string} [id] of what it tells of
 */
/** @typedef {Event | Signal} Heard */

export const LOBBY = 'lobby'
export const NOTHING = '0-0' // the id before everything

/** Reports whether it only passes by, and is in no room's log. @param {Heard} one @returns {one is Signal} */
export function isSignal(one) {
  return !one.id || one.kind === 'inbox' || one.kind === 'read'
}

/** Reports whether id a is later than id b. @param {string} a @param {string} b */
export function isAfter(a, b) {
  const [ams, aseq] = a.split('-').map(Number)
  const [bms, bseq] = b.split('-').map(Number)
  return ams === bms ? aseq > bseq : ams > bms
}

/** When an event happened, in milliseconds. @param {string} id */
export function timeOf(id) {
  return Number(id.split('-')[0])
}

const ROOM = /^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}._-]{0,62}$/u
const UNSEEN = /[\p{Me}\p{DI}]/u // letters and marks that leave no ink
const LATIN_OR_HAN = /[\p{scx=Latn}\p{scx=Hani}]/u // which are written together, and with these alone
const NEITHER = /[^\p{sc=Latn}\p{sc=Hani}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Bopo}\p{sc=Zyyy}\p{sc=Zinh}]/u

/** Reports whether a name can be a room's. The server knows of more that cannot. @param {string} name */
export function isRoom(name) {
  return ROOM.test(name) && !UNSEEN.test(name) && roomNamed(name) === name && !(LATIN_OR_HAN.test(name) && NEITHER.test(name))
}

/** Reports whether the server made this address: such a room goes by its title. @param {string} room */
export function isMade(room) {
  return /^[pd]_[a-z]{20}$/.test(room)
}

/** Reports whether it is a room of a few people, who talk alone. @param {string} room */
export function isDirect(room) {
  return isMade(room) && room.startsWith('d')
}

/** The one form of a room's name. @param {string} name */
export function roomNamed(name) {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC')
}

/** Where a room lives. @param {string} room @param {...string} more */
export function pathOf(room, ...more) {
  return ['/r', room, ...more].map((part, i) => (i ? encodeURIComponent(part) : part)).join('/')
}

/** The room of a path, as it is called; null: it is of none. @param {string} path */
export function roomOf(path) {
  const [, r, name] = path.split('/')
  try {
    return r === 'r' && name ? decodeURIComponent(name).normalize('NFC') : null
  } catch {
    return null // what is not encoded well names nothing
  }
}
