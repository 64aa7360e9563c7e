// @ts-check

const EVERY = 15_000 // milliseconds between two pings, where the server does not say
const BURSTS = 2 // one may be a laptop that slept

/** Feels the server's pings: how often they come, and whether something holds them back. */
export class Pings {
  every = EVERY
  most = EVERY
  #sent = 0
  #heard = 0
  #bursts = 0
  #inBurst = false

  /**
   * @param {number} sent the server's clock in the ping
   * @param {number} heard ours
   * @returns {boolean} whether the pings come late and bunched
   */
  beat(sent, heard) {
    const apart = sent - this.#sent
    const came = heard - this.#heard
    const first = !this.#sent
    this.#sent = sent
    this.#heard = heard
    if (first || apart <= 0) return false
    this.every = Math.min(this.most, Math.max(1000, apart))
    const bunched = came < apart / 4
    if (bunched && !this.#inBurst) this.#bursts++
    if (!bunched && came < apart * 1.5) this.#bursts = 0
    this.#inBurst = bunched
    return this.#bursts >= BURSTS
  }
}
