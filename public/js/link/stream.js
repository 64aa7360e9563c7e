// @ts-check
import { Problem } from '../call.js'
import { waitAfter } from '../patience.js'
import { openPoll, openShortPolls } from './poll.js'
import { Pings } from './pings.js'
import { openSocket } from './socket.js'
import { serverAnswers } from './answers.js'
import { openEvents } from './sse.js'
import { transports } from './transports.js'
import { Watchdog } from './watchdog.js'

/**
 * A way to read. It calls `onEvents` with what came, at first perhaps with
 * nothing, only to say that it lives; and `onDown` once, when it ended.
 * @callback Open
 * @param {{rooms: string[], after: string, onEvents: (heard: Heard[]) => void, onDown: (why: Problem) => void}} reader
 * @returns {() => void} close
 */
/** @typedef {import('../chat.js').Heard} Heard */
/** @typedef {{live: boolean, wait?: number, status?: number, silence?: number}} LinkState `wait`: milliseconds until it tries next, `silence`: the longest that a live one has */

/** @type {Record<string, Open>} */
const WAYS = { sse: openEvents, websocket: openSocket, longpoll: openPoll }
const OPENING = 3_000 // milliseconds until the first bytes, where there is another way to take
const ONLY_WAY = 30_000 // where there is none: a slow server gets no faster by being asked again
const MISSED = 3 // pings
const [SHORTEST, LONGEST] = [500, 30_000] // milliseconds between two attempts
const REFUSED = 5 * 60_000 // milliseconds until the same is asked again that was refused
const YOUNG = 10_000 // a stream that dies younger never really lived
const TRIES = 2 // by one way, before the next is taken
const POOL = 6 // connections that a browser keeps to a host
const FULL = 60_000 // milliseconds of short polls, before a place for a stream is looked for again
const FALLEN_BACK = 10 * 60_000 // then the first way gets another chance

/** One stream that is always there: it comes back, by another way if need be. */
export class Stream {
  #place
  #onEvents
  #onState
  #way = 0
  #failures = 0
  #slow = 0 // openings for which the server had no answer in time, or all ways failed
  #pings = new Pings()
  #watchdog = new Watchdog(() => this.#silent())
  #close = () => {}
  #timer = 0
  #turn = 0 // counts openings and closings: who waited for an answer sees whether it is still wanted
  #opened = 0
  #alive = false
  #pinged = false // by the stream that is open
  #fellBack = 0
  #full = false // no more streams are taken: short polls stand in for one

  /**
   * @param {() => {rooms: string[], after: string}} place where to read on
   * @param {{onEvents: (heard: Heard[]) => void, onState: (state: LinkState) => void}} to
   */
  constructor(place, { onEvents, onState }) {
    this.#place = place
    this.#onEvents = onEvents
    this.#onState = onState
  }

  /** Opens the stream, or opens it again from where it is. */
  open() {
    this.close()
    const { rooms, after } = this.#place()
    if (!rooms.length) return
    const ways = transports()
    if (this.#way >= ways.length || performance.now() - this.#fellBack > FALLEN_BACK) this.#way = 0
    this.#alive = this.#pinged = false
    this.#opened = performance.now()
    this.#pings = new Pings()
    this.#watchdog.expect(ways.length > 1 ? OPENING * (1 + Math.min(3, this.#slow)) : ONLY_WAY)
    if (this.#full) this.#timer = setTimeout(() => this.#lookForPlace(), FULL)
    const way = this.#full ? openShortPolls : WAYS[ways[this.#way]]
    this.#close = way({ rooms, after, onEvents: heard => this.#hear(heard), onDown: why => this.#down(why) })
  }

  close() {
    this.#turn++
    clearTimeout(this.#timer)
    this.#timer = 0
    this.#watchdog.rest()
    this.#close()
    this.#close = () => {}
  }

  /** Somebody says that it should work now. */
  retry() {
    this.#way = this.#failures = this.#slow = 0
    this.#full = false
    this.open()
  }

  /** The machine woke, or the network changed: do not trust, look. */
  look() {
    if (this.#timer && !this.#full) this.open()
    else this.#watchdog.look()
  }

  /** @param {Heard[]} heard */
  #hear(heard) {
    const signals = /** @type {import('../chat.js').Signal[]} */ (heard)
    const open = signals.find(({ kind }) => kind === 'open')
    if (open?.ping) this.#pings.every = this.#pings.most = open.ping * 1000
    if (!this.#alive || open) {
      this.#alive = true
      this.#onState({ live: true, silence: MISSED * this.#pings.most })
    }
    this.#watchdog.expect(MISSED * this.#pings.every)
    const events = heard.filter(one => one.kind !== 'open' || one.inbox)
    if (events.length) this.#onEvents(events)
    for (const { kind, now = 0, retry = 0 } of signals) {
      if (kind === 'bye') return this.#again(retry)
      this.#pinged ||= kind === 'ping'
      if (kind === 'ping' && this.#pings.beat(now, performance.now()) && this.#way === 0) return this.#heldBack()
    }
  }

  /** What comes late and in clumps comes better by another way. */
  #heldBack() {
    this.#nextWay()
    this.open()
  }

  async #silent() {
    const turn = this.#turn
    this.#close()
    const answers = await serverAnswers(POOL)
    if (turn !== this.#turn) return
    if (!answers) this.#slow++
    const held = (answers || this.#slow >= TRIES) && !this.#pinged && this.#hasNext() // the server is there, and what it sends is not
    if (held) this.#nextWay()
    this.#down(new Problem(0, 'silence'), held || this.#alive)
  }

  /** @param {Problem} why @param {boolean} atOnce it is known what to do next */
  async #down(why, atOnce = false) {
    const tries = this.#way && !this.#alive ? 1 : TRIES // a way that only stands in, and that never opened, gets one
    if (this.#alive && performance.now() - this.#opened > YOUNG) this.#failures = this.#slow = 0
    this.#failures++
    this.#full = why.busy && !this.#full && this.#failures % TRIES === 0
    if (this.#full) return this.open()
    const refused = why.status >= 400 && !why.passing
    const wait = atOnce ? 0 : refused ? REFUSED : waitAfter(why, this.#failures, SHORTEST, LONGEST)
    this.#again(wait, why.status)
    if (refused || atOnce || this.#failures % tries) return // another way is refused as well, or was taken
    const turn = this.#turn
    if (!await serverAnswers(1, Math.min(OPENING, wait)) || turn !== this.#turn) return // it may be the network
    const next = this.#hasNext()
    if (!next) this.#slow++
    this.#nextWay()
    if (next) this.open() // after the last way it waits
  }

  /** @param {number} delay @param {number} [status] */
  #again(delay, status) {
    this.close()
    this.#alive = false
    this.#onState({ live: false, wait: delay, status })
    this.#timer = setTimeout(() => this.open(), delay)
  }

  /** Tries a stream again; one refusal leads back to short polls. */
  #lookForPlace() {
    this.#full = false
    this.#failures = TRIES - 1
    this.open()
  }

  #hasNext() {
    return this.#way + 1 < transports().length
  }

  #nextWay() {
    this.#way = (this.#way + 1) % transports().length
    this.#fellBack = performance.now()
  }
}
