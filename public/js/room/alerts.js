// @ts-check
import { pathOf } from '../chat.js'

const TONES = [[660, 0], [880, 0.09]] // hertz, seconds from now
const LOUD = 0.06
const LASTS = 0.25 // seconds

/** One sound and one notification for a line that speaks to me. */
export class Alerts {
  #settings
  /** @type {AudioContext | undefined} */
  #audio

  /** @param {import('./settings.js').Settings} settings */
  constructor(settings) {
    this.#settings = settings
  }

  /** @param {import('../chat.js').Event} event */
  mention(event) {
    const { sounds, notifications } = this.#settings.chosen
    if (sounds) this.#ring()
    if (notifications && 'Notification' in window && Notification.permission === 'granted') this.#notify(event)
  }

  #ring() {
    this.#audio ??= new AudioContext()
    const { currentTime: now, destination } = this.#audio
    for (const [hertz, after] of TONES) {
      const tone = new OscillatorNode(this.#audio, { frequency: hertz })
      const gain = new GainNode(this.#audio, { gain: 0 })
      gain.gain.setValueAtTime(LOUD, now + after)
      gain.gain.exponentialRampToValueAtTime(0.001, now + after + LASTS)
      tone.connect(gain).connect(destination)
      tone.start(now + after)
      tone.stop(now + after + LASTS)
    }
  }

  /** @param {import('../chat.js').Event} event */
  async #notify({ room, by, text = '', id }) {
    const title = `${by.name} · ${room}`
    const options = { body: text.slice(0, 200), tag: id, icon: '/icons/icon-192.png', data: { path: pathOf(room) } }
    const worker = await navigator.serviceWorker?.getRegistration()
    if (worker) return worker.showNotification(title, options)
    new Notification(title, options).onclick = () => focus()
  }
}
