// @ts-check
import { Problem, call } from '../call.js'
import { NOTHING, pathOf } from '../chat.js'
import { patiently } from '../patience.js'
import { isEnglish } from '../say.js'
import { loadLast } from './history.js'
import { showProblem } from './problem-page.js'
import { restore } from './saved.js'

/** Loads the room that one is in, as often as it takes, listens to it then, and says how that goes. */
export class Loading {
  #here
  #rooms
  #status
  #connection
  #outbox
  #onSignedOut
  #onLoaded
  #onExpelled
  #onRead
  #now = new AbortController()

  /**
   * @param {{here: import('./current.js').Current, rooms: import('./rooms.js').Rooms, outbox: import('./outbox.js').Outbox,
   *   status: import('./status.js').Status, connection: import('../link/connection.js').Connection}} parts
   * @param {{onSignedOut: () => void, onLoaded: () => void, onExpelled: (why: Problem) => void, onRead: (room: string, id: string) => void}} on `onExpelled`: the room that is shown is not open any more
   */
  constructor({ here, rooms, outbox, status, connection }, { onSignedOut, onLoaded, onExpelled, onRead }) {
    this.#here = here
    this.#rooms = rooms
    this.#status = status
    this.#connection = connection
    this.#outbox = outbox
    this.#onSignedOut = onSignedOut
    this.#onLoaded = onLoaded
    this.#onExpelled = onExpelled
    this.#onRead = onRead
  }

  /** Something became of the link. @param {import('../link/stream.js').LinkState} state */
  linked(state) {
    if (state.status === 401) this.#onSignedOut()
    else this.#status.show(state)
    if (state.status === 403 || state.status === 404) this.leaveRefused()
  }

  /** One of the rooms is not open to its reader any more, and the stream brings none: that one is left. */
  async leaveRefused(names = this.#rooms.names) {
    const refused = await this.refused(names)
    for (const [name, problem] of refused) {
      this.#connection.leave(name)
      if (name === this.#here.room.name) this.#onExpelled(problem)
      else this.#rooms.close(name)
    }
    if (refused.size) this.#connection.retry()
  }

  /** Those of the rooms that one may not read, and why. @param {string[]} names @returns {Promise<Map<string, Problem>>} */
  async refused(names) {
    /** @type {Map<string, Problem>} */
    const refused = new Map()
    await Promise.all(names.map(name => call('GET', `${pathOf(name)}?limit=1`).catch(problem => {
      if (problem.status === 403 || problem.status === 404) refused.set(name, problem)
    })))
    return refused
  }

  /** The link is back: what waited for it goes on. */
  back() {
    this.#outbox.reopen()
    this.load()
  }

  /** Does not wait any longer. */
  retry() {
    this.#connection.retry()
    this.load()
  }

  async load() {
    const { room } = this.#here
    if (room.loaded && !room.saved) return
    this.#now.abort()
    const { signal } = this.#now = new AbortController()
    try {
      const all = await patiently(() => loadLast(room, this.#rooms.knows(room.name) ? this.#rooms.mark(room.name) : undefined), {
        signal,
        passes: problem => this.#willLoad(problem),
        onWait: (wait, problem) => this.#waits(wait, problem),
      })
      this.#rooms.noteRoom(room, all)
    } catch (error) {
      if (!signal.aborted) this.#refused(error)
      return
    }
    if (!signal.aborted) this.#loaded(signal)
  }

  /** Reports whether the room may well load later; until then one sees what was kept. @param {Problem} problem */
  #willLoad({ status, passing }) {
    const { room } = this.#here
    return passing && (room.saved || restore(room) || status !== 500)
  }

  /** @param {number} wait @param {Problem} problem */
  #waits(wait, { status }) {
    this.#status.show({ live: false, wait, status })
    this.#outbox.reopen()
  }

  /** @param {unknown} error */
  #refused(error) {
    const status = error instanceof Problem ? error.status : 500
    if (status === 401) this.#onSignedOut()
    else showProblem(status, status === 403 && isEnglish() ? /** @type {Problem} */ (error).message : '')
  }

  /** @param {AbortSignal} signal */
  #loaded(signal) {
    const { room } = this.#here
    this.#outbox.reopen()
    this.#status.show({ live: this.#connection.live })
    this.#connection.follow(new Map([[room.name, room.last ?? NOTHING]]))
    this.#onLoaded()
    this.#followOthers(signal)
  }

  /** @param {AbortSignal} signal */
  async #followOthers(signal) {
    const others = this.#rooms.names.filter(name => name !== this.#here.room.name)
    if (others.length) await this.#readElsewhere()
    const caughtUp = (/** @type {string[]} */ names) => patiently(() => this.#rooms.catchUp(names), { signal, passes: ({ passing }) => passing })
    this.#connection.follow(await caughtUp(others).catch(() => this.#othersOf(others).then(caughtUp)).catch(() => new Map()))
  }

  /** What was read on other devices is not unread here. */
  async #readElsewhere() {
    const { read } = await call('GET', pathOf(`@${this.#here.me.id}`, 'read')).catch(() => ({ read: {} }))
    for (const [room, id] of Object.entries(read)) this.#onRead(room, id)
  }

  /** One of the rooms was refused, and all were: the others of them. @param {string[]} names */
  async #othersOf(names) {
    const refused = await this.refused(names)
    for (const name of refused.keys()) this.#rooms.close(name)
    return names.filter(name => !refused.has(name))
  }
}
