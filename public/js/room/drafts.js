// @ts-check
import { forget, recall, recallAll, remember } from '../memory.js'

const GOING = 1_500 // milliseconds that a tab takes to go

/**
 * What one was writing, by user, room and tab: two tabs write two drafts. A
 * draft whose tab is gone is found again by the next that opens its room.
 */
export class Drafts {
  #user
  #tab = tabId()

  /** @param {string} user id */
  constructor(user) {
    this.#user = user
    this.#claim()
  }

  /** @param {string} room */
  read(room) {
    return recall(this.#name(room), '')
  }

  /** @param {string} room @param {string} text */
  write(room, text) {
    if (text) remember(this.#name(room), text)
    else forget(this.#name(room))
  }

  /** Takes over a draft of the room whose tab is gone, or is just going. @param {string} room @returns {Promise<string>} */
  async find(room) {
    const others = recallAll(this.#prefix(room)).filter(tab => tab !== this.#tab && !tab.includes('.'))
    for (const tab of others) {
      const text = await whenGone(tab, () => this.#take(room, tab))
      if (text) return text
    }
    return ''
  }

  /** @param {string} room @param {string} tab */
  #take(room, tab) {
    if (this.read(room)) return ''
    const text = recall(this.#prefix(room) + tab, '')
    forget(this.#prefix(room) + tab)
    this.write(room, text)
    return text
  }

  /** @param {string} room */
  #prefix(room) {
    return `draft.${this.#user}.${room}.`
  }

  /** @param {string} room */
  #name(room) {
    return this.#prefix(room) + this.#tab
  }

  /** Holds the tab's lock for as long as it lives; a copy of a tab becomes one of its own. */
  #claim() {
    navigator.locks?.request(lockOf(this.#tab), { ifAvailable: true }, lock => {
      if (lock) return new Promise(() => {})
      this.#tab = tabId(true)
      this.#claim()
    }).catch(() => {}) // without locks each draft is the next tab's
  }
}

/** @param {string} tab */
function lockOf(tab) {
  return `confab.tab.${tab}`
}

/** Does something for a tab that is gone; for one that lives, nothing. @param {string} tab @param {() => string} then */
async function whenGone(tab, then) {
  if (!navigator.locks) return then()
  try {
    return await navigator.locks.request(lockOf(tab), { signal: AbortSignal.timeout(GOING) }, then)
  } catch (error) {
    return /** @type {Error} */ (error).name === 'TimeoutError' ? '' : then() // there are no locks where the site's data is blocked
  }
}

/** What this tab is called, through reloads. */
function tabId(fresh = false) {
  try {
    const known = sessionStorage.getItem('confab.tab')
    if (known && !fresh) return known
    const made = newId()
    sessionStorage.setItem('confab.tab', made)
    return made
  } catch {
    return newId()
  }
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), byte => byte.toString(16).padStart(2, '0')).join('')
}
