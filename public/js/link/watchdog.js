// @ts-check

/** Barks when nothing was heard for too long: a link that dies silently tells nobody. */
export class Watchdog {
  #timer = 0
  /** By the clock of the page, which never jumps, and the machine's, which goes on while it sleeps. @type {[number, number]} */
  #deadline = [Infinity, Infinity]
  #bark

  /** @param {() => void} bark */
  constructor(bark) {
    this.#bark = bark
  }

  /** Waits this long from now. @param {number} milliseconds */
  expect(milliseconds) {
    this.#deadline = [performance.now() + milliseconds, Date.now() + milliseconds]
    this.#arm(milliseconds)
  }

  /** Looks at the clocks: timers stand still while a machine sleeps. */
  look() {
    const [page, machine] = this.#deadline
    if (page === Infinity) return
    const left = page - performance.now()
    if (left > 0 && Date.now() < machine) return this.#arm(left)
    this.rest()
    this.#bark()
  }

  rest() {
    clearTimeout(this.#timer)
    this.#deadline = [Infinity, Infinity]
  }

  /** @param {number} milliseconds */
  #arm(milliseconds) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.look(), milliseconds)
  }
}
