// @ts-check
import { find } from './node.js'

/** What waits, where it shows while the page does not: title, icon, app. */
export class Badge {
  #link = /** @type {HTMLLinkElement} */ (find('link[rel=icon]'))
  #shown = ''

  /** @param {string} room @param {number} unread */
  draw(room, unread) {
    const title = (unread ? `(${unread}) ` : '') + room
    if (title === this.#shown) return
    this.#shown = title
    document.title = title
    this.#link.href = unread ? '/icons/unread.svg' : '/icons/icon.svg'
    if (unread) navigator.setAppBadge?.(unread).catch(() => {})
    else navigator.clearAppBadge?.().catch(() => {})
  }
}
