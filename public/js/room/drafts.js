// @ts-check
import { forget, recall, recallAll, remember } from '../memory.js'

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

  /** Takes over a draft of the room whose tab is gone. @param {string} room @returns {Promise<string>} */
  async find(room) {
    const others = recallAll(this.#prefix(room)).filter(tab => tab !== this.#tab && !tab.includes('.'))
    const alive = others.length ? await tabs() : new Set()
    const left = others.find(tab => !alive.has(lockOf(tab)))
    if (!left || this.read(room)) return ''
    const text = recall(this.#prefix(room) + left, '')
    forget(this.#prefix(room) + left)
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

/** The locks of the tabs that live. */
async function tabs() {
  const { held } = await navigator.locks?.query().catch(() => ({ held: [] })) ?? { held: [] }
  return new Set(held?.map(({ name }) => name))
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
