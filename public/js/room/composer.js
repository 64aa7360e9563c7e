// @ts-check
import { limits } from '../limits.js'
import { say } from '../say.js'
import { plain } from './format.js'
import { find, node } from './node.js'

/** @typedef {import('./message.js').Message} Message */

const GROWS = CSS.supports('field-sizing', 'content')
const QUOTED = 200 // of the text that is answered
const WARN = 0.9 // of the limit: from here on the rest is counted
const TYPING = 3_000 // milliseconds between two signs that one is writing
const COMMAND = /^\/([a-z][\w-]*)(?:\s|$)/i // "//help" posts "/help"

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
  #told = -Infinity
  #drafts
  #does
  box = /** @type {HTMLTextAreaElement} */ (find('.composer__box'))

  /**
   * @param {import('./drafts.js').Drafts} drafts
   * @param {{post: (text: string, reply?: string) => void, edit: (mine: Message, text: string) => void, command: (name: string) => void,
   *   mine: () => Message | undefined, typing: () => void, enterSends: () => boolean, refuses: () => boolean}} does `refuses`: nothing may be sent now, and it is said why
   */
  constructor(drafts, does) {
    this.#drafts = drafts
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
    this.#write(this.#drafts.read(room))
    if (!this.box.value) this.#findDraft(room)
  }

  /** @param {string} room as it is called */
  rename(room) {
    this.box.placeholder = say('writeTo', { room })
  }

  /** @param {string} room */
  async #findDraft(room) {
    const text = await this.#drafts.find(room)
    if (text && room === this.#room && !this.box.value) this.#write(text)
  }

  /** The lines changed: what is answered or edited may be gone. */
  refresh() {
    if (this.#reply) this.#tellReply(this.#reply)
    if (this.#edit?.gone) this.cancel()
  }

  focus() {
    this.box.focus()
  }

  /** Writes somebody's name where one is writing. @param {string} name */
  mention(name) {
    const { selectionStart: at, selectionEnd: end, value } = this.box
    const space = at > 0 && !/\s/.test(value[at - 1]) ? ' ' : ''
    this.box.setRangeText(`${space}@${name} `, at, end, 'end')
    this.#written()
    this.focus()
  }

  /** @param {Message} to */
  reply(to) {
    this.cancel()
    this.#reply = to
    this.#tellReply(to)
    this.focus()
  }

  /** @param {Message} to */
  #tellReply({ by, text, gone }) {
    const [before, after] = say('replyingTo', { name: '\0', text: gone ? say('gone') : plain(text).slice(0, QUOTED) }).split('\0')
    this.#tell(before, node('bdi', {}, by.name), node('bdi', {}, after))
  }

  /** @param {Message} mine */
  edit(mine) {
    this.cancel()
    this.#edit = mine
    this.#write(mine.text)
    this.#tell(say('editing'))
    this.#send.textContent = say('save')
    this.focus()
  }

  /** Neither answers nor edits any more; the draft is back. */
  cancel() {
    if (this.#edit) this.#write(this.#drafts.read(this.#room))
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

  /** @param {...(string | Node)} about */
  #tell(...about) {
    find('span', this.#about).replaceChildren(...about)
    this.#about.hidden = false
  }

  /** @param {string} text */
  #write(text) {
    this.box.value = text
    this.#count()
  }

  #submit() {
    const text = this.box.value.replace(/\s+$/, '')
    this.focus()
    if (!text.trim() || length(text) > limits().text) return
    const { reply, edit } = { reply: this.#reply, edit: this.#edit }
    const command = edit ? null : COMMAND.exec(text)
    if (command) return this.#command(command[1])
    if (this.#does.refuses()) return
    if (edit) this.#does.edit(edit, text)
    else this.#does.post(text.replace(/^\/\//, '/'), reply?.id)
    if (!edit) this.#drafts.write(this.#room, '')
    if (!edit) this.box.value = ''
    this.cancel()
  }

  /** What is meant for the page is not said to everybody; what it does not know stays in the box. @param {string} name */
  #command(name) {
    this.#does.command(name.toLowerCase())
    if (name.toLowerCase() !== 'help') return
    this.#write('')
    this.#drafts.write(this.#room, '')
  }

  #written() {
    this.#count()
    if (this.#edit) return
    this.#drafts.write(this.#room, this.box.value)
    if (!this.box.value || performance.now() - this.#told < TYPING) return
    this.#told = performance.now()
    this.#does.typing()
  }

  #count() {
    if (!GROWS) grow(this.box)
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

/** Where CSS does not do it. @param {HTMLTextAreaElement} box */
function grow(box) {
  box.style.setProperty('block-size', 'auto')
  box.style.setProperty('block-size', `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`)
}

/** In characters as the server counts them. @param {string} text */
function length(text) {
  return text.length > limits().text * 0.4 ? [...text].length : text.length
}
