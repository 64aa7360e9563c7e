// @ts-check
import { Problem, call } from '../call.js'
import { pathOf } from '../chat.js'
import { forget, recall, recallAll, remember } from '../memory.js'
import { Message } from './message.js'

const SLOW = 1_000 // milliseconds until a line says that it is still on its way
const AGAIN = 15_000 // milliseconds until it tries by itself; a link that comes back does not wait for that

/**
 * Own lines on their way. Each is written down before it leaves and crossed
 * out when the server has it; it leaves as often as it must, always under the
 * same key, so that it arrives once. One at a time keeps their order.
 */
export class Outbox {
  #room
  #onRefused
  /** @type {Message[]} */
  #queue = []
  #sending = false
  #timer = 0

  /** @param {import('./room.js').Room} room @param {(problem: Problem) => void} onRefused nobody is signed in */
  constructor(room, onRefused) {
    this.#room = room
    this.#onRefused = onRefused
  }

  get #place() {
    return `outbox.${this.#room.name}.`
  }

  /** Takes up what was not sent when the page went away. */
  reopen() {
    const left = recallAll(this.#place)
      .map(key => recall(this.#place + key, { at: 0, key, text: '', reply: undefined, name: '' }))
      .filter(({ key, name }) => name === this.#room.me.name && !this.#room.pending.some(one => one.key === key))
      .sort((a, b) => a.at - b.at)
    for (const draft of left) {
      if (this.#room.lines.some(line => line.key === draft.key)) forget(this.#place + draft.key)
      else this.#add(draft)
    }
    this.flush()
  }

  /** @param {string} text @param {string} [reply] */
  post(text, reply) {
    const draft = { at: Date.now(), key: newKey(), text, reply, name: this.#room.me.name }
    remember(this.#place + draft.key, draft)
    this.#add(draft)
    this.flush()
  }

  /** Tries again what waits. */
  flush() {
    clearTimeout(this.#timer)
    for (const message of this.#room.pending) {
      if (message.fate === 'failed' && !message.why) this.#enqueue(message)
    }
    if (!this.#sending) this.#run()
  }

  /** @param {Message} message */
  retry(message) {
    this.#enqueue(message)
    this.flush()
  }

  /** @param {Message} message */
  drop(message) {
    this.#queue = this.#queue.filter(one => one !== message)
    forget(this.#place + message.key)
    this.#room.drop(message)
  }

  /** @param {{key: string, text: string, reply?: string}} draft */
  #add({ key, text, reply }) {
    const message = new Message({ by: this.#room.me, text, reply, key })
    message.fate = 'sending'
    this.#room.send(message)
    this.#enqueue(message)
  }

  /** @param {Message} message */
  #enqueue(message) {
    if (this.#queue.includes(message)) return
    this.#become(message, 'sending')
    this.#queue.push(message)
    this.#queue.sort((a, b) => this.#room.pending.indexOf(a) - this.#room.pending.indexOf(b))
    setTimeout(() => message.fate === 'sending' && this.#become(message, 'slow'), SLOW)
  }

  async #run() {
    this.#sending = true
    let wait = 0
    while (this.#queue.length && !wait) wait = await this.#send(this.#queue[0])
    this.#sending = false
    if (wait) this.#timer = setTimeout(() => this.flush(), wait)
  }

  /** @param {Message} message @returns {Promise<number>} milliseconds to wait before anything else is sent */
  async #send(message) {
    if (!message.id) {
      try {
        const event = await call('POST', pathOf(this.#room.name), { text: message.text, reply: message.reply }, { 'Idempotency-Key': message.key ?? '' })
        this.#room.confirm(event)
      } catch (error) {
        return this.#failed(message, error instanceof Problem ? error : new Problem(400, String(error)))
      }
    }
    forget(this.#place + message.key)
    this.#queue = this.#queue.filter(one => one !== message)
    return 0
  }

  /** @param {Message} message @param {Problem} problem */
  #failed(message, problem) {
    if (problem.status === 429 || (problem.wait && problem.passing)) return problem.wait || AGAIN // it stays first in the queue
    const all = problem.passing ? this.#queue : [message]
    this.#queue = this.#queue.filter(one => !all.includes(one))
    for (const one of all) this.#become(one, 'failed', problem.passing ? '' : problem.message)
    if (problem.status === 401) this.#onRefused(problem)
    return problem.passing ? AGAIN : 0
  }

  /** @param {Message} message @param {import('./message.js').Fate} fate @param {string} [why] */
  #become(message, fate, why) {
    message.become(fate, why)
    this.#room.onChange()
  }
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, '0')).join('')
}
