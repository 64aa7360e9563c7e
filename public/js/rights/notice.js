// @ts-check
import { find, node } from '../room/node.js'
import { say, span } from '../say-seldom.js'
import { untilOf } from './when.js'

/** @typedef {import('./facts.js').Refusal} Refusal */

/** Says at the box why nothing can be sent now, and what the room's rules mean for what is written. */
export class Notice {
  #why = node('p', { class: 'composer__why', role: 'status' })
  #rules = node('p', { class: 'composer__rules' })
  #form = find('.composer')
  #timer = 0

  constructor() {
    find('.composer__box').before(this.#why)
    this.#form.append(this.#rules)
  }

  /** @param {Refusal | null} refusal @param {() => void} again called when it may have ended */
  show(refusal, again) {
    clearTimeout(this.#timer)
    const text = refusal ? wordsOf(refusal) : ''
    if (this.#why.textContent !== text) this.#why.textContent = text
    this.#why.ariaLive = refusal?.why === 'slow' ? 'off' : 'polite' // nobody is read the seconds
    this.#form.classList.toggle('composer--stopped', !!refusal)
    if (refusal?.until) this.#timer = setTimeout(again, Math.min(refusal.why === 'slow' ? 1_000 : 60_000, Math.max(0, refusal.until - Date.now()) + 50))
  }

  /** @param {import('./facts.js').Settings} settings */
  rules({ retention, slow }) {
    const rules = [retention && say('ruleForgets', { after: span(retention) }), slow && say('ruleSlow', { every: span(slow) })]
    this.#rules.textContent = rules.filter(Boolean).join(' · ')
  }

  /** Somebody tried all the same. */
  insist() {
    this.#why.classList.remove('composer__why--again')
    void this.#why.offsetWidth // so that the same is shown once more
    this.#why.classList.add('composer__why--again')
  }
}

/** @param {Refusal} refusal */
function wordsOf({ why, until, reason = '' }) {
  switch (why) {
    case 'muted': return say('youMuted', { until: untilOf(until) })
    case 'banned': return say('youBanned', { why: reason })
    case 'gone': return say('roomGone')
    case 'locked': return say('roomLocked')
    case 'slow': return say('waitSlow', { n: Math.max(1, Math.ceil((until - Date.now()) / 1000)) })
    default: return say(why)
  }
}
