// @ts-check
import { stamp } from '../say.js'

/** @typedef {typeof import('../seldom.js')} All */

/** @type {Promise<unknown> | undefined} */
let styles

/** What most visits do without, and how it looks: loaded when somebody first wants any of it. @returns {Promise<All>} */
export async function seldom() {
  const [all] = await Promise.all([import('../seldom.js'), styles ??= styled()])
  return all
}

function styled() {
  return new Promise((resolve, reject) => {
    const link = /** @type {HTMLLinkElement} */ (stamp('seldom-head').querySelector('link'))
    link.onload = resolve
    link.onerror = () => { styles = undefined; link.remove(); reject(new Error('no style')) }
    document.head.append(link)
  })
}

/**
 * One part of that.
 * @template T
 */
export class Later {
  /** @type {T | undefined} the part, once it is there */
  now
  /** @type {Promise<T> | undefined} */
  #coming
  #make

  /** @param {(all: All) => T} make */
  constructor(make) {
    this.#make = make
  }

  /** The part; what cannot be loaded is asked for again the next time. @returns {Promise<T>} */
  get() {
    this.#coming ??= seldom().then(all => (this.now = this.#make(all)))
    this.#coming.catch(() => { this.#coming = undefined })
    return this.#coming
  }
}
