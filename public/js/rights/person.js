// @ts-check
import { limit } from '../limits.js'
import { icon, node } from '../room/node.js'
import { AN_HOUR, TEN_MINUTES, acts } from './acts.js'
import { ask, check, labelled, select, whyOf } from './form.js'
import { say, span } from '../say-seldom.js'

/** @typedef {import('../chat.js').User} User */
/** @typedef {import('../room/message.js').Message} Message */

/** What can be done with somebody, and with what they wrote. */
export class Person {
  #rights
  #tell

  /** @param {import('./rights.js').Rights} rights @param {(text: string) => void} tell */
  constructor(rights, tell) {
    this.#rights = rights
    this.#tell = tell
  }

  /** What stands in the sheet of a line of somebody else. @param {Message} line @param {() => void} close */
  ofLine(line, close) {
    const { facts } = this.#rights
    const entries = [this.#entry('alone', say('writeAlone', line.by), close, () => this.#writeAlone(line.by))]
    entries.push(this.#entry('report', say('report'), close, () => this.#report(line)))
    if (facts.mayStop(line.by.id)) entries.push(this.#entry('delete', say('removeLine'), close, () => this.#rights.parts.log.remove(line)), ...this.#stops(line.by, close))
    return entries
  }

  /** What stands in the sheet of somebody. @param {User} user @param {() => void} close */
  of(user, close) {
    const { facts, parts } = this.#rights
    return [
      this.#entry('mention', say('mention'), close, () => parts.composer.mention(user.name)),
      this.#entry('alone', say('writeAlone', user), close, () => this.#writeAlone(user)),
      ...facts.rolesFor(user.id).map(role => this.#entry('rank', say(role === 'owner' ? 'makeOwner' : role === 'moderator' ? 'makeModerator' : 'makeMember'), close,
        () => this.#do(acts.rank(this.#room, user.id, role), say('ranked', { name: user.name, role: say(role) })))),
      ...(facts.mayStop(user.id) ? this.#stops(user, close) : []),
      ...(facts.mayRemove(user.id) ? [this.#entry('out', say('remove'), close, () => this.#do(acts.remove(this.#room, user.id), say('removed', user)), true)] : []),
    ]
  }

  get #room() {
    return this.#rights.parts.here.room.name
  }

  /** @param {User} user @param {() => void} close */
  #stops(user, close) {
    const ban = this.#rights.facts.bans.get(user.id)
    const muted = ban?.ban === 'mute'
    const lift = this.#entry('lift', say(muted ? 'unmute' : 'unban'), close, () => this.lift(user))
    if (ban && !muted) return [lift]
    return [
      muted ? lift : this.#entry('mute', say('mute'), close, () => this.#do(acts.stop(this.#room, user.id, { mute: true, seconds: TEN_MINUTES }), say('mutedNow', user)), true),
      this.#entry('ban', say('ban'), close, () => this.#ban(user), true),
    ]
  }

  /** @param {User} user */
  lift(user) {
    return this.#do(acts.lift(this.#room, user.id), say('lifted', user))
  }

  /** @param {string} name of the icon @param {string} words @param {() => void} close @param {() => void} run @param {boolean} [bad] */
  #entry(name, words, close, run, bad = name === 'delete') {
    const button = node('button', { class: `entry${bad ? ' entry--bad' : ''}`, type: 'button' }, icon(name), words)
    button.addEventListener('click', () => { close(); run() })
    return button
  }

  /** Does it, and says so, or why not. @param {Promise<import('../chat.js').Event>} act @param {string} done */
  async #do(act, done) {
    try {
      this.#rights.did(await act)
      this.#tell(done)
    } catch (problem) {
      this.#tell(whyOf(problem))
    }
  }

  /** @param {User} user */
  async #writeAlone(user) {
    const { here, rooms, composer } = this.#rights.parts
    try {
      const { room, title, with: people = [user] } = await acts.direct([user.id], here.room.name)
      rooms.call(room, title || people.map(({ name }) => name).join(', '))
      here.open(room)
      composer.focus()
    } catch (problem) {
      this.#tell(whyOf(problem))
    }
  }

  /** @param {User} user */
  #ban(user) {
    const reason = node('input', { class: 'field', name: 'reason', autocomplete: 'off', dir: 'auto' })
    limit(reason, 'reason')
    const seconds = select([['0', say('forGood')], ...[AN_HOUR, 24 * AN_HOUR, 7 * 24 * AN_HOUR].map(one => /** @type {[string, string]} */ ([String(one), span(one)]))])
    const erase = check(say('erase'), 'erase')
    ask(say('banAsk', user), {
      inside: [node('p', {}, say('banWhy')), labelled(say('banFor'), seconds), labelled(say('reason'), reason), erase],
      button: say('banDo'),
      bad: true,
      run: async form => {
        const all = /** @type {HTMLInputElement} */ (form.elements.namedItem('erase')).checked
        const event = await acts.stop(this.#room, user.id, { seconds: Number(seconds.value), mute: false, reason: reason.value.trim(), erase: all ? AN_HOUR : 0 })
        this.#rights.did(event)
        this.#tell(say('bannedNow', { name: user.name, n: event.erased ?? 0 }))
      },
    })
  }

  /** @param {Message} line */
  #report(line) {
    const reason = node('input', { class: 'field', name: 'reason', autocomplete: 'off', dir: 'auto', autofocus: true })
    limit(reason, 'reason')
    ask(say('reportAsk'), {
      inside: [node('p', {}, say('reportWhy')), labelled(say('reportReason'), reason)],
      button: say('reportDo'),
      run: async () => {
        await acts.report(this.#room, line.id, reason.value.trim())
        this.#tell(say('reported'))
      },
    })
  }
}
