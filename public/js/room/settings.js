// @ts-check
import { limit } from '../limits.js'
import { recall, remember } from '../memory.js'
import { say, stamp } from '../say.js'
import { hasPasskeys } from '../ways.js'
import { find } from './node.js'
import { seldom } from './seldom.js'

/** What one has chosen, in this browser. */
export class Settings {
  #does

  /** @param {{signOut: () => void, unsent: () => boolean, about: () => string, topic: (topic: string) => void}} does `about`: the topic as it is */
  constructor(does) {
    this.#does = does
    find('.bar__settings').addEventListener('click', () => this.#open())
  }

  /** @returns {{appearance: string, sounds: boolean, notifications: boolean, enterSends: boolean}} */
  get chosen() {
    const touch = matchMedia('(pointer: coarse)').matches // there Enter breaks the line
    return { appearance: 'system', sounds: false, notifications: false, enterSends: !touch, ...recall('settings', {}) }
  }

  #open() {
    document.body.append(stamp('settings-dialog'))
    const dialog = /** @type {HTMLDialogElement} */ (find('.dialog'))
    const form = /** @type {HTMLFormElement} */ (find('form', dialog))
    const topic = /** @type {HTMLInputElement} */ (form.elements.namedItem('topic'))
    this.#fill(form)
    limit(topic, 'title')
    topic.value = this.#does.about()
    form.addEventListener('change', event => this.#change(/** @type {HTMLInputElement} */ (event.target)))
    topic.addEventListener('change', () => this.#does.topic(topic.value.trim()))
    dialog.addEventListener('click', event => event.target === dialog && dialog.close())
    const passkey = find('.dialog__passkey', dialog)
    passkey.hidden = !hasPasskeys()
    passkey.addEventListener('click', () => { dialog.close(); seldom().then(all => all.showPasskeys()).catch(() => {}) })
    find('.dialog__device', dialog).addEventListener('click', () => { dialog.close(); seldom().then(all => all.showDevices()).catch(() => {}) })
    find('.dialog__leave', dialog).addEventListener('click', () => { dialog.close(); this.#signOut() })
    dialog.addEventListener('close', () => dialog.remove())
    dialog.showModal()
  }

  /** Asks once, if something would be lost. */
  #signOut() {
    if (!this.#does.unsent()) return this.#does.signOut()
    seldom().then(all => all.askToSignOut(this.#does.signOut)).catch(() => {})
  }

  /** @param {HTMLFormElement} form */
  #fill(form) {
    const granted = 'Notification' in window && Notification.permission === 'granted'
    const { notifications, ...others } = this.chosen
    for (const [name, value] of Object.entries({ ...others, notifications: notifications && granted })) { // the browser's own settings may have taken it back
      const field = form.elements.namedItem(name)
      if (field instanceof HTMLInputElement) field.checked = value === true
      else if (field instanceof RadioNodeList) field.value = String(value)
    }
  }

  /** @param {HTMLInputElement} field */
  async #change(field) {
    if (field.name === 'topic') return
    const value = field.type === 'radio' ? field.value : field.checked
    if (field.name === 'notifications' && value) await this.#ask(field)
    remember('settings', { ...this.chosen, [field.name]: field.type === 'radio' ? value : field.checked })
    document.documentElement.dataset.appearance = this.chosen.appearance
  }

  /** The browser asks too, and only on this click. @param {HTMLInputElement} field */
  async #ask(field) {
    const granted = 'Notification' in window && await Notification.requestPermission() === 'granted'
    field.checked = granted
    const note = find('.dialog__note')
    note.hidden = granted
    note.textContent = granted ? '' : say('notificationsRefused')
  }
}
