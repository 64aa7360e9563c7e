// @ts-check

/** Barks when nothing was heard for too long: a link that dies silently tells nobody. */
export class Watchdog {
  #timer = 0
  #deadline = Infinity
  #bark

  /** @param {() => void} bark */
  constructor(bark) {
    this.#bark = bark
  }

  /** Waits this long from now. @param {number} milliseconds */
  expect(milliseconds) {
    clearTimeout(this.#timer)
    this.#deadline = Date.now() + milliseconds
    this.#timer = setTimeout(() => this.look(), milliseconds)
  }

  /** Looks at the clock: timers stand still while a machine sleeps. */
  look() {
    if (Date.now() < this.#deadline) return
    this.rest()
    this.#bark()
  }

  rest() {
    clearTimeout(this.#timer)
    this.#deadline = Infinity
  }
}
