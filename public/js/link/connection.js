// @ts-check
import { isAfter, isSignal } from '../chat.js'
import { limits } from '../limits.js'
import { leadOneTab } from './leader.js'
import { Stream } from './stream.js'
import { Watchdog } from './watchdog.js'

/** @typedef {import('../chat.js').Heard} Heard */
/** @typedef {import('./stream.js').LinkState} LinkState */

const SILENCE = 50_000 // milliseconds, or a little more than the longest of the stream: then the leading tab sleeps
const MORE = 5_000
const GATHER = 30 // milliseconds in which rooms that are followed share one reopening

/**
 * What this tab hears of its rooms. One tab of the browser holds the stream
 * and tells the others; each keeps the cursors, so that any can go on.
 */
export class Connection {
  /** @type {Map<string, string>} room to the id of its last event */
  #cursors = new Map()
  #channel
  #stream
  #election
  #watchdog
  #leads = false
  #silence = SILENCE
  #gather = 0
  /** @type {LinkState} */
  #state = { live: false }
  #onEvents
  #onState
  #onBack
  #isShown

  /**
   * @param {import('../chat.js').User} me
   * @param {{onEvents: (heard: Heard[]) => void, onState: (state: LinkState) => void, onBack: () => void, isShown: (room: string) => boolean}} to
   */
  constructor(me, { onEvents, onState, onBack, isShown }) {
    this.#isShown = isShown
    this.#onEvents = onEvents
    this.#onState = onState
    this.#onBack = onBack
    this.#channel = new BroadcastChannel(`confab.${me.id}`)
    this.#channel.onmessage = ({ data }) => this.#told(data)
    this.#stream = new Stream(() => this.#place(), {
      onEvents: heard => this.#share({ heard }),
      onState: state => this.#share({ state }),
    })
    this.#watchdog = new Watchdog(() => this.#deserted())
    this.#election = leadOneTab(`confab.${me.id}`, {
      lead: () => { this.#leads = true; this.#open() },
      follow: () => { this.#leads = false; this.#stream.close() },
    })
    this.#channel.postMessage({ hello: true })
    this.#watchdog.expect(SILENCE)
    addEventListener('online', () => this.retry())
    for (const name of ['pageshow', 'visibilitychange']) addEventListener(name, () => this.look())
  }

  get leads() {
    return this.#leads
  }

  get live() {
    return this.#state.live
  }

  /** Listens to rooms from these cursors on; to one that is heard already, from where it is. @param {Map<string, string>} cursors */
  follow(cursors) {
    let more = false
    for (const [room, cursor] of cursors) {
      if (this.#cursors.has(room)) continue
      this.#cursors.set(room, cursor)
      more = true
    }
    if (!more) return
    this.#open()
    this.#channel.postMessage({ follow: cursors })
  }

  /** @param {string} room */
  leave(room) {
    if (!this.#cursors.delete(room)) return
    this.#open()
    this.#channel.postMessage({ leave: room })
  }

  /** Opens the stream anew, now. */
  retry() {
    if (this.#leads) this.#stream.retry()
    else this.#channel.postMessage({ retry: true })
  }

  look() {
    if (document.hidden) return
    if (this.#leads) this.#stream.look()
    else this.#watchdog.look()
  }

  #place() {
    const all = [...this.#cursors.keys()].sort((a, b) => Number(this.#isShown(a)) - Number(this.#isShown(b)))
    const rooms = all.slice(-limits().rooms).sort() // the server refuses more, and what is shown comes first
    return { rooms, after: rooms.map(room => this.#cursors.get(room)).join(',') }
  }

  #open() {
    clearTimeout(this.#gather)
    this.#gather = setTimeout(() => this.#leads && this.#stream.open(), GATHER)
  }

  /** @param {{heard?: Heard[], state?: LinkState}} news */
  #share(news) {
    this.#channel.postMessage(news)
    this.#take(news)
  }

  /** Another tab said something. @param {any} news */
  #told(news) {
    if (news.hello && this.#leads) this.#channel.postMessage({ state: this.#state, follow: this.#cursors })
    if (news.follow) this.follow(news.follow)
    if (news.leave) this.#left(news.leave)
    if (news.retry && this.#leads) this.#stream.retry()
    this.#take(news)
    this.#watchdog.expect(this.#silence)
  }

  /** Another tab left a room; what this one shows it goes on hearing. @param {string} room */
  #left(room) {
    const cursor = this.#cursors.get(room)
    if (cursor === undefined) return
    if (this.#isShown(room)) return this.#channel.postMessage({ follow: new Map([[room, cursor]]) })
    this.#cursors.delete(room)
    this.#open()
  }

  /** @param {{heard?: Heard[], state?: LinkState}} news */
  #take({ heard, state }) {
    if (state) this.#become(state)
    if (!heard) return
    for (const one of heard) this.#advance(one)
    this.#onEvents(heard)
  }

  /** @param {LinkState} state */
  #become(state) {
    const { live } = this.#state
    this.#state = state
    if (state.silence) this.#silence = Math.max(SILENCE, state.silence + MORE)
    this.#onState(state)
    if (state.live && !live) this.#onBack()
  }

  /** @param {Heard} one */
  #advance(one) {
    if (one.kind === 'reset') return this.#restart(one)
    if (isSignal(one)) return
    const cursor = this.#cursors.get(one.room)
    if (cursor !== undefined && isAfter(one.id, cursor)) this.#cursors.set(one.room, one.id)
  }

  /** A room's log broke off: its cursor is where the server says. @param {import('../chat.js').Signal} reset */
  #restart({ room, cursor = '' }) {
    const ids = cursor.split(',')
    const { rooms } = this.#place()
    if (ids.length === rooms.length) rooms.forEach((name, i) => (!room || room === name) && this.#cursors.set(name, ids[i]))
  }

  /** The tab that leads says nothing any more, not even a ping. */
  #deserted() {
    this.#watchdog.expect(this.#silence)
    if (!this.#leads && !document.hidden) this.#election.usurp()
  }
}
