// @ts-check
import { Problem, call } from '../call.js'
import { NOTHING, pathOf } from '../chat.js'
import { forget, onRemembered, recall, recallAll, remember } from '../memory.js'
import { say } from '../say.js'
import { Message } from './message.js'

const SLOW = 1_000 // milliseconds until a line says that it is still on its way
const AGAIN = 15_000 // milliseconds until it tries by itself; a link that comes back does not wait for that
const KEY_LIVES = 9 * 60_000 // milliseconds that the server surely knows a key
const PAGES = 10 // of the room that are looked through for a line that may be there already
export const UNDO = 6_000 // milliseconds until a deletion leaves

/** @typedef {import('./room.js').Room} Room */
/** @typedef {'post' | 'edit' | 'delete' | 'react' | 'topic'} What */
/** @typedef {{kind: What, text?: string, reply?: string, target?: string, emoji?: string, off?: boolean}} Wish what somebody wants to happen in a room */
/** @typedef {Wish & {room: string, key: string, at: number, tried?: number, keyHash?: string, after?: string, refused?: string}} Draft a wish as it is kept. `tried`: when it first left; `keyHash`: by which its event is found; `after`: the last event known then */

/** A wish on its way. */
class Entry {
  /** @type {import('./message.js').Fate} */
  fate = 'sending'
  why = ''
  held = 0 // timer, while it can be taken back
  leaving = false
  /** @type {Message | undefined} the line of a post, on the screen */
  message
  /** @type {(event: import('../chat.js').Event) => void} */
  arrived = () => {}
  /** @type {Promise<import('../chat.js').Event>} its event, which the stream may bring before the answer comes */
  arrival = new Promise(resolve => { this.arrived = resolve })
  /** @param {Draft} draft */
  constructor(draft) {
    this.draft = draft
    if (draft.refused) [this.fate, this.why] = ['failed', draft.refused]
  }

  get kind() { return /** @type {import('./message.js').Change['kind']} */ (this.draft.kind) }
  get text() { return this.draft.text }
  get emoji() { return this.draft.emoji }
  get off() { return this.draft.off }
}

/**
 * Everything of one user that is on its way to the server: lines, edits,
 * deletions, reactions. Each is written down before it leaves and crossed out
 * when the server has it; it leaves as often as it must, always under the same
 * key, so that it arrives once. In each room one at a time keeps their order.
 *
 * There is one outbox in a page, whatever rooms are opened and left: a room
 * that is shown is attached to it, and no other sends.
 */
export class Outbox {
  #me
  #on
  /** @type {Map<string, Entry>} by key, in the order in which they were written */
  #entries = new Map()
  /** @type {Room | undefined} the one that is shown */
  #room
  /** @type {Set<string>} the rooms to which something is just leaving */
  #busy = new Set()
  #timer = 0

  /**
   * @param {import('../chat.js').User} me
   * @param {{onRefused: () => void, onNameTaken: () => void, onProblem: (text: string) => void}} on `onRefused`: nobody is signed in; `onNameTaken`: somebody else has one's name
   */
  constructor(me, on) {
    this.#me = me
    this.#on = on
    adopt(me.id)
    onRemembered(this.#place, (name, forgotten) => this.#changed(name, forgotten))
    addEventListener('pagehide', () => this.#leave())
  }

  get #place() {
    return `outbox.${this.#me.id}.`
  }

  /** Reports whether anything is not sent, or a draft is not finished. */
  get unsent() {
    return this.#entries.size > 0 || recallAll(`draft.${this.#me.id}.`).some(room => recall(`draft.${this.#me.id}.${room}`, '').trim())
  }

  /** Shows what is on its way to a room. @param {Room} room */
  attach(room) {
    this.#room = room
    this.reopen()
  }

  /** Takes up what was not sent when a page went away. */
  reopen() {
    const drafts = recallAll(this.#place).map(key => recall(this.#place + key, /** @type {Draft | null} */ (null)))
    for (const draft of drafts.filter(one => one !== null).sort((a, b) => a.at - b.at)) {
      if (!this.#entries.has(draft.key)) this.#entries.set(draft.key, new Entry(draft))
    }
    for (const entry of this.#entries.values()) this.#show(entry)
    this.flush()
  }

  /** @param {Wish} wish */
  add(wish) {
    const room = /** @type {Room} */ (this.#room)
    for (const { draft } of this.#replacedBy(wish)) this.drop(draft.key)
    const draft = { ...wish, room: room.name, key: newKey(), at: Date.now(), after: room.last }
    const entry = new Entry(draft)
    this.#entries.set(draft.key, entry)
    remember(this.#place + draft.key, draft)
    this.#show(entry)
    if (wish.kind === 'delete') entry.held = setTimeout(() => { entry.held = 0; this.flush() }, UNDO)
    this.flush()
    return draft.key
  }

  /** Takes back what has not left yet. @param {string | undefined} key */
  drop(key) {
    const entry = this.#entries.get(key ?? '')
    if (!entry) return
    forget(this.#place + key)
    this.#remove(entry)
  }

  /** The key of what failed of a line: the line, or its change. @param {Message} message */
  keyOf(message) {
    return [...this.#entries.values()].find(entry => entry.message === message || (entry.kind === 'edit' && entry.draft.target === message.id))?.draft.key
  }

  /** Tries one again that failed. @param {string | undefined} key */
  retry(key) {
    const entry = this.#entries.get(key ?? '')
    if (!entry) return
    this.#keep(entry, { tried: undefined, refused: undefined, after: this.#room?.last })
    this.#become(entry, 'sending')
    this.flush()
  }

  /** Sends what waits. */
  flush() {
    clearTimeout(this.#timer)
    for (const room of new Set([...this.#entries.values()].map(({ draft }) => draft.room))) {
      if (!this.#busy.has(room)) this.#run(room)
    }
  }

  /** @param {string} room */
  async #run(room) {
    this.#busy.add(room)
    let wait = 0
    for (let entry = this.#next(room); entry && !wait; entry = this.#next(room)) {
      this.#become(entry, 'sending')
      wait = await this.#send(entry)
    }
    this.#busy.delete(room)
    if (!wait) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.flush(), wait)
  }

  /** @param {string} room */
  #next(room) {
    return [...this.#entries.values()].find(({ draft, held }) => draft.room === room && !held && !draft.refused)
  }

  /** @param {Entry} entry @returns {Promise<number>} milliseconds to wait before anything else is sent there */
  async #send(entry) {
    const slow = setTimeout(() => this.#become(entry, 'slow'), SLOW)
    entry.leaving = true
    try {
      const event = await this.#isThere(entry) ?? await Promise.race([ask(entry.draft), entry.arrival])
      this.drop(entry.draft.key)
      if (this.#room?.name === entry.draft.room) this.#confirm(this.#room, entry, event)
    } catch (error) {
      return this.#failed(entry, error instanceof Problem ? error : new Problem(400, String(error)))
    } finally {
      clearTimeout(slow)
      entry.leaving = false
    }
    return 0
  }

  /** @param {Room} room @param {Entry} entry @param {import('../chat.js').Event} event */
  #confirm(room, { message }, event) {
    room.confirm(event)
    if (message && !message.id) room.drop(message) // its event came first and was not known to be this
  }

  /**
   * The event of a line that left longer ago than the server knows its key: it
   * may have arrived, and the answer was lost.
   * @param {Entry} entry
   */
  async #isThere(entry) {
    const { draft } = entry
    const age = Date.now() - (draft.tried ?? Date.now())
    if (!draft.tried) this.#keep(entry, { tried: Date.now() })
    if (!draft.keyHash) this.#hash(entry)
    if (draft.kind !== 'post' || (age >= 0 && age < KEY_LIVES)) return
    let after = draft.after ?? NOTHING
    for (let n = 0; n < PAGES; n++) {
      const page = await call('GET', `${pathOf(draft.room)}?${new URLSearchParams({ after, limit: '100' })}`)
      const found = page.events.find((/** @type {import('../chat.js').Event} */ event) => event.by.id === this.#me.id && new Message({ ...draft, by: this.#me }).isSaidBy(event))
      if (found || !page.more) return found
      after = page.events.at(-1)?.id ?? page.cursor
    }
    throw new Problem(422, say('perhapsSent'))
  }

  /** Until it is known what stands for the key, the text tells which line an event is. @param {Entry} entry */
  async #hash(entry) {
    const hash = await keyHash(this.#me.id, entry.draft.key)
    if (!hash || this.#entries.get(entry.draft.key) !== entry) return
    this.#keep(entry, { keyHash: hash })
    if (entry.message) entry.message.keyHash = hash
  }

  /** @param {Entry} entry @param {Problem} problem */
  #failed(entry, problem) {
    const { draft } = entry
    if (!this.#entries.has(draft.key)) return 0 // it was taken back meanwhile
    if (problem.status === 401) this.#on.onRefused()
    if (problem.nameTaken) this.#on.onNameTaken()
    if (problem.status === 429 || (problem.wait && problem.passing)) return problem.wait || AGAIN // it stays first
    if (problem.passing || problem.nameTaken || problem.status === 401) { // it is kept, and goes as soon as it can
      for (const one of this.#entries.values()) if (one.draft.room === draft.room && !one.draft.refused) this.#become(one, 'failed')
      return problem.wait || AGAIN
    }
    if (draft.kind === 'post' || draft.kind === 'edit') {
      this.#keep(entry, { refused: problem.message })
      this.#become(entry, 'failed', problem.message)
    } else {
      this.drop(draft.key)
      this.#on.onProblem(problem.message)
    }
    return 0
  }

  /** @param {Entry} entry @param {Partial<Draft>} more */
  #keep(entry, more) {
    Object.assign(entry.draft, more)
    remember(this.#place + entry.draft.key, entry.draft)
  }

  /** Puts a wish on the screen, if it is of the room that is shown. @param {Entry} entry */
  #show(entry) {
    const room = this.#room
    const { kind, room: name, text, reply, key, keyHash, at } = entry.draft
    if (!room || room.name !== name) return
    if (kind === 'topic') return
    if (kind !== 'post') return room.wish(entry.draft.target ?? '', entry)
    if (room.pending.some(one => one.key === key) || room.lines.some(one => keyHash && one.keyHash === keyHash)) return
    entry.message = new Message({ by: this.#me, text, reply, key, keyHash })
    entry.message.written = at
    entry.message.become(entry.fate, entry.why)
    entry.message.onArrived = entry.arrived
    entry.arrival.then(() => entry.leaving || this.drop(key))
    room.send(entry.message)
  }

  /** @param {Entry} entry */
  #remove(entry) {
    this.#entries.delete(entry.draft.key)
    clearTimeout(entry.held)
    if (this.#room?.name !== entry.draft.room) return
    if (entry.draft.kind !== 'post') this.#room.unwish(entry.draft.target ?? '', entry)
    else if (entry.message && !entry.leaving) this.#room.drop(entry.message)
  }

  /** What a new wish makes idle: an edit that is not gone yet, or all edits of a line that is to go. @param {Wish} wish */
  #replacedBy({ kind, target }) {
    if (kind !== 'edit' && kind !== 'delete') return []
    return [...this.#entries.values()].filter(({ draft, leaving }) => !leaving && draft.kind === 'edit' && draft.target === target)
  }

  /** @param {Entry} entry @param {import('./message.js').Fate} fate @param {string} [why] */
  #become(entry, fate, why = '') {
    entry.fate = fate
    entry.why = why
    entry.message?.become(fate, why)
    if (this.#room?.name !== entry.draft.room) return
    if (entry.draft.target) this.#room.touch(entry.draft.target)
    this.#room.onChange()
  }

  /** Another tab sent something, or took it back; or all was cleared, which takes nothing back. @param {string} name @param {boolean} forgotten */
  #changed(name, forgotten) {
    if (!name) for (const entry of this.#entries.values()) this.#keep(entry, {})
    const entry = forgotten && this.#entries.get(name.slice(this.#place.length))
    if (entry && !entry.leaving) this.#remove(entry)
  }

  /** The page goes: what can be taken back leaves now. It stays written down, under the same key. */
  #leave() {
    for (const { draft, held } of this.#entries.values()) if (held) ask(draft, { keepalive: true }).catch(() => {})
  }
}

/** @param {Draft} draft @param {RequestInit} [how] @returns {Promise<import('../chat.js').Event>} */
function ask({ kind, room, key, text, reply, target = '', emoji = '', off }, how) {
  const headers = { 'Idempotency-Key': key }
  switch (kind) {
    case 'post': return call('POST', pathOf(room), { text, reply }, headers, how)
    case 'edit': return call('PATCH', pathOf(room, target), { text }, headers, how)
    case 'delete': return call('DELETE', pathOf(room, target), undefined, headers, how)
    case 'react': return call(off ? 'DELETE' : 'PUT', pathOf(room, target, 'reactions', emoji), undefined, headers, how)
    case 'topic': return call('PATCH', pathOf(room), { title: text }, headers, how)
  }
}

/** What a session wrote that ended by itself goes on under the next, whatever its name. @param {string} id */
function adopt(id) {
  for (const kind of ['outbox', 'draft']) {
    for (const rest of recallAll(`${kind}.`)) {
      const dot = rest.indexOf('.')
      if (!rest.startsWith('u_') || rest.slice(0, dot) === id) continue
      remember(`${kind}.${id}${rest.slice(dot)}`, recall(`${kind}.${rest}`, null))
      forget(`${kind}.${rest}`)
    }
  }
}

/** What stands for a key where others read. A page that did not come over TLS has no way to know. @param {string} user @param {string} key */
async function keyHash(user, key) {
  if (!crypto.subtle) return
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${user} ${key}`))
  return hex(new Uint8Array(sum, 0, 12))
}

function newKey() {
  return hex(crypto.getRandomValues(new Uint8Array(12)))
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
