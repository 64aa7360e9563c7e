// @ts-check

/** @typedef {import('../chat.js').User} User */
/** @typedef {import('../chat.js').Event} Event */
/** @typedef {'guest' | 'member' | 'moderator' | 'owner' | 'operator'} Role */
/** @typedef {{user: User, role: Role}} Member */
/** @typedef {{user: User, ban: string, until?: number, reason?: string}} Ban `until`: milliseconds; none: for good */
/** @typedef {{access?: string, posting?: string, locked?: boolean, slow?: number, retention?: number, title?: string}} Settings */
/** @typedef {{room: Settings & {role?: Role}, you?: {role: Role, ban?: string, until?: number, reason?: string}, members: Member[], more?: boolean}} Answer */
/** @typedef {{why: 'muted' | 'banned' | 'locked' | 'onlyMembers' | 'onlyModerators' | 'slow' | 'gone', until: number, reason?: string}} Refusal `until`: when it ends, in milliseconds; 0: nobody knows */

const RANKS = ['guest', 'member', 'moderator', 'owner', 'operator']
const SETTINGS = /** @type {const} */ (['access', 'posting', 'locked', 'slow', 'retention'])

/** @param {string} role */
export function rank(role) {
  return RANKS.indexOf(role)
}

/** What is known of a room that somebody made: its rules, who belongs to it, and what oneself is in it. */
export class Facts {
  /** @type {Settings} */
  settings = {}
  /** @type {Role} */
  role = 'guest'
  /** @type {Map<string, Member>} by the user's id */
  members = new Map()
  /** @type {Map<string, Ban>} as far as they were asked for */
  bans = new Map()
  /** @type {Ban | undefined} one's own */
  ban
  #me

  /** @param {string} me the id of who reads */
  constructor(me) {
    this.#me = me
  }

  /** Takes what the server says. @param {Answer} answer */
  take({ room, you, members }) {
    this.settings = Object.fromEntries(SETTINGS.map(name => [name, room[name]]))
    this.role = you?.role ?? room.role ?? 'guest'
    this.ban = you?.ban ? { user: { id: this.#me, name: '' }, ban: you.ban, until: you.until, reason: you.reason } : undefined
    this.add(members)
  }

  /** @param {Member[]} members more of them */
  add(members) {
    for (const one of members) this.members.set(one.user.id, one)
  }

  /** Takes an event, once more too. @param {Event} event */
  hear({ kind, set, member, text }) {
    if (kind === 'room' && set) for (const name of SETTINGS) if (set[name] !== undefined) this.settings = { ...this.settings, [name]: set[name] }
    if (kind !== 'member' || !member) return
    if (member.ban) this.#stop({ user: member.user, ban: member.ban, until: member.until, reason: text })
    else this.#place(member.user, /** @type {Role} */ (member.role ?? 'guest'))
  }

  /** @param {Ban} ban */
  #stop(ban) {
    const { id } = ban.user
    if (ban.ban === 'none') this.bans.delete(id)
    else this.bans.set(id, ban)
    if (id === this.#me) this.ban = this.bans.get(id)
    if (ban.ban === 'ban') this.members.delete(id)
  }

  /** @param {User} user @param {Role} role */
  #place(user, role) {
    if (role === 'guest') this.members.delete(user.id)
    else this.members.set(user.id, { user, role })
    if (user.id === this.#me && this.role !== 'operator') this.role = role
  }

  /** Owners first, then by name. */
  get sorted() {
    return [...this.members.values()].sort((a, b) => rank(b.role) - rank(a.role) || a.user.name.localeCompare(b.user.name))
  }

  /** Reports whether oneself may do what takes this role. @param {Role} role */
  isAtLeast(role) {
    return rank(this.role) >= rank(role)
  }

  /** @param {string} user an id @returns {Role} */
  roleOf(user) {
    return this.members.get(user)?.role ?? 'guest'
  }

  /** Reports whether one may mute and ban somebody. @param {string} user an id */
  mayStop(user) {
    return this.settings.access !== 'direct' && this.isAtLeast('moderator') && user !== this.#me && rank(this.roleOf(user)) < rank(this.role)
  }

  /** The roles that one may give somebody who has another. @param {string} user an id @returns {Role[]} */
  rolesFor(user) {
    const now = this.roleOf(user)
    if (this.settings.access === 'direct' || !this.isAtLeast('moderator') || user === this.#me) return []
    const all = /** @type {Role[]} */ (this.isAtLeast('owner') ? ['owner', 'moderator', 'member'] : ['member'])
    return !this.isAtLeast('owner') && rank(now) > rank('member') ? [] : all.filter(role => role !== now)
  }

  /** Reports whether one may take somebody's membership. @param {string} user an id */
  mayRemove(user) {
    return this.members.has(user) && this.rolesFor(user).length + Number(this.roleOf(user) === 'member') > 0 && this.isAtLeast('moderator') && user !== this.#me
  }

  /** Reports whether one is the only owner, who cannot go. */
  get isLast() {
    return this.role === 'owner' && ![...this.members.values()].some(({ user, role }) => role === 'owner' && user.id !== this.#me)
  }

  /** Why one may not write now; nothing: one may. @param {number} now milliseconds @param {number} [spoke] when one wrote last @returns {Refusal | null} */
  refusal(now, spoke = -Infinity) {
    const { posting, locked, slow = 0 } = this.settings
    const { ban } = this
    if (ban && (!ban.until || ban.until > now)) return { why: ban.ban === 'mute' ? 'muted' : 'banned', until: ban.until ?? 0, reason: ban.reason }
    if (this.isAtLeast('moderator')) return null
    if (locked) return { why: 'locked', until: 0 }
    if (posting === 'moderators') return { why: 'onlyModerators', until: 0 }
    if (posting === 'members' && !this.isAtLeast('member')) return { why: 'onlyMembers', until: 0 }
    const next = spoke + slow * 1000
    return next > now ? { why: 'slow', until: next } : null
  }
}
