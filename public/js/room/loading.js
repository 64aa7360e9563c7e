// @ts-check
import { Problem } from '../call.js'
import { NOTHING } from '../chat.js'
import { patiently } from '../patience.js'
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
  #now = new AbortController()

  /**
   * @param {{here: import('./current.js').Current, rooms: import('./rooms.js').Rooms, outbox: import('./outbox.js').Outbox,
   *   status: import('./status.js').Status, connection: import('../link/connection.js').Connection}} parts
   * @param {() => void} onSignedOut
   */
  constructor({ here, rooms, outbox, status, connection }, onSignedOut) {
    this.#here = here
    this.#rooms = rooms
    this.#status = status
    this.#connection = connection
    this.#outbox = outbox
    this.#onSignedOut = onSignedOut
  }

  /** Something became of the link. @param {import('../link/stream.js').LinkState} state */
  linked(state) {
    if (state.status === 401) this.#onSignedOut()
    else this.#status.show(state)
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
    else showProblem(status)
  }

  /** @param {AbortSignal} signal */
  #loaded(signal) {
    const { room } = this.#here
    this.#outbox.reopen()
    this.#status.show({ live: this.#connection.live })
    this.#connection.follow(new Map([[room.name, room.last ?? NOTHING]]))
    this.#followOthers(signal)
  }

  /** @param {AbortSignal} signal */
  async #followOthers(signal) {
    const others = this.#rooms.names.filter(name => name !== this.#here.room.name)
    const caughtUp = patiently(() => this.#rooms.catchUp(others), { signal, passes: ({ passing }) => passing })
    this.#connection.follow(await caughtUp.catch(() => new Map()))
  }
}
