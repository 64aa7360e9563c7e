// @ts-check
import { say } from '../say-seldom.js'
import { say as common } from '../say.js'
import { node } from './node.js'
import { openSheet } from './sheet.js'

const ONE = /^(?:\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}]?\uFE0F?(?:\u200D\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}]?\uFE0F?)*)[\u{E0020}-\u{E007F}]*$/u

/** Reports whether a text is one emoji. @param {string} text */
export function isEmoji(text) {
  return ONE.test(text)
}

/** Has one emoji chosen, by its name or from a keyboard of emoji. @param {(emoji: string) => void} choose */
export async function chooseEmoji(choose) {
  const { default: names } = await import('./emoji-names.js')
  const all = names.trim().split('\n').map(line => ({ emoji: line.slice(0, line.indexOf(' ')), words: line.slice(line.indexOf(' ') + 1) }))
  const box = node('input', { class: 'field', type: 'search', 'aria-label': say('findEmoji'), placeholder: say('findEmoji'), autocomplete: 'off', autofocus: true })
  const none = node('p', { class: 'picker__none', role: 'status' })
  const list = node('div', { class: 'picker' }, ...all.map(({ emoji, words }) => {
    const name = words.split(' ')[0].replaceAll('_', ' ')
    return node('button', { class: 'tools__emoji', type: 'button', 'aria-label': `${emoji} ${name}`, title: name, 'data-emoji': emoji }, emoji)
  }))
  const buttons = /** @type {HTMLButtonElement[]} */ ([...list.children])
  const dialog = openSheet(common('otherEmoji'), [box, list, none], { class: 'sheet--picker' })

  const take = (/** @type {string} */ emoji) => { dialog.close(); choose(emoji) }
  box.addEventListener('input', () => {
    const typed = box.value.trim().toLowerCase()
    if (isEmoji(typed)) return take(typed)
    buttons.forEach((button, i) => { button.hidden = !matches(all[i].words, typed) })
    none.textContent = buttons.every(({ hidden }) => hidden) ? say('noEmoji') : ''
  })
  box.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    const first = box.value.trim() && buttons.find(({ hidden }) => !hidden)
    if (first) take(first.dataset.emoji ?? '')
  })
  list.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('[data-emoji]')) : null
    if (button) take(button.dataset.emoji ?? '')
  })
}

/** @param {string} words @param {string} typed */
function matches(words, typed) {
  return words.split(/[ _]/).some(word => word.startsWith(typed)) || words.includes(typed.replaceAll(' ', '_'))
}
