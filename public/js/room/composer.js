// @ts-check
import { limits } from '../limits.js'
import { forget, recall, remember } from '../memory.js'
import { say } from '../say.js'
import { find } from './node.js'

/** @typedef {import('./message.js').Message} Message */

const WARN = 0.9 // of the limit: from here on the rest is counted
const TYPING = 3_000 // milliseconds between two signs that one is writing

/** The box: what is written, answered or edited in it. */
export class Composer {
  #form = /** @type {HTMLFormElement} */ (find('.composer'))
  #send = find('.composer__send')
  #about = find('.composer__about')
  #left = find('.composer__left')
  #room = ''
  /** @type {Message | undefined} */
  #reply
  /** @type {Message | undefined} */
  #edit
  #told = 0
  #does
  box = /** @type {HTMLTextAreaElement} */ (find('.composer__box'))

  /**
   * @param {{post: (text: string, reply?: string) => void, edit: (mine: Message, text: string) => void,
   *   mine: () => Message | undefined, typing: () => void, enterSends: () => boolean}} does
   */
  constructor(does) {
    this.#does = does
    this.#form.addEventListener('submit', event => { event.preventDefault(); this.#submit() })
    this.box.addEventListener('input', () => this.#written())
    this.box.addEventListener('keydown', event => this.#key(event))
    find('.skip').addEventListener('click', event => { event.preventDefault(); this.focus() })
    find('button', this.#about).addEventListener('click', () => this.cancel())
  }

  /** Writes to another room, where the draft was left. @param {string} room */
  show(room) {
    this.cancel()
    this.#room = room
    this.box.value = recall(`draft.${room}`, '')
    this.box.placeholder = say('writeTo', { room })
    this.#count()
  }

  focus() {
    this.box.focus()
  }

  /** @param {Message} to */
  reply(to) {
    this.cancel()
    this.#reply = to
    this.#tell(say('replyingTo', { name: to.by.name, text: to.text }))
  }

  /** @param {Message} mine */
  edit(mine) {
    this.cancel()
    this.#edit = mine
    this.box.value = mine.text
    this.#tell(say('editing'))
    this.#send.textContent = say('save')
    this.#count()
  }

  /** Neither answers nor edits any more; the draft is back. */
  cancel() {
    if (this.#edit) this.box.value = recall(`draft.${this.#room}`, '')
    this.#reply = this.#edit = undefined
    this.#about.hidden = true
    this.#send.textContent = say('send')
    this.#count()
  }

  /** Cancels, and reports whether there was anything to cancel. */
  close() {
    const busy = this.#reply ?? this.#edit
    if (busy) this.cancel()
    return !!busy
  }

  /** @param {string} about */
  #tell(about) {
    find('span', this.#about).textContent = about
    this.#about.hidden = false
    this.focus()
  }

  #submit() {
    const text = this.box.value.replace(/\s+$/, '')
    this.focus()
    if (!text.trim() || length(text) > limits().text) return
    const { reply, edit } = { reply: this.#reply, edit: this.#edit }
    this.#reply = undefined
    if (edit) this.#does.edit(edit, text)
    else this.#does.post(text, reply?.id)
    if (!edit) this.box.value = ''
    this.cancel()
    if (!edit) forget(`draft.${this.#room}`)
  }

  #written() {
    this.#count()
    if (this.#edit) return
    remember(`draft.${this.#room}`, this.box.value)
    if (!this.box.value || Date.now() - this.#told < TYPING) return
    this.#told = Date.now()
    this.#does.typing()
  }

  #count() {
    const most = limits().text
    const left = most - length(this.box.value)
    this.#left.hidden = !(left <= most - most * WARN)
    this.#left.classList.toggle('composer__left--over', left < 0)
    this.#left.textContent = left < 0 ? say('charactersOver', { n: -left }) : say('charactersLeft', { n: left })
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return // the input method's, or the list of names'
    if (event.key === 'Enter' && !event.shiftKey && (this.#does.enterSends() || event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#submit()
    }
    if (event.key === 'ArrowUp' && !this.box.value && !this.#edit) {
      const mine = this.#does.mine()
      if (!mine) return
      event.preventDefault()
      this.edit(mine)
    }
  }
}

/** In characters as the server counts them. @param {string} text */
function length(text) {
  return text.length > limits().text * 0.4 ? [...text].length : text.length
}
