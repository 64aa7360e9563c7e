// @ts-check
import { say } from '../say.js'
import { icon, node } from './node.js'

/**
 * Opens a dialog: a sheet at the foot of a phone, a card on a larger screen.
 * Escape, the way back of a phone and a press beside it close it.
 * @param {string} title
 * @param {Node[]} inside
 * @param {{class?: string, hushed?: boolean, onClose?: () => void}} [how] `hushed`: the title is for screen readers alone
 * @returns {HTMLDialogElement}
 */
export function openSheet(title, inside, { class: name = '', hushed = false, onClose } = {}) {
  const close = node('button', { class: 'icon sheet__close', type: 'button', 'aria-label': say('close') }, icon('close'))
  const dialog = node('dialog', { class: `sheet ${name}`, 'aria-label': title },
    node('h2', { class: hushed ? 'hush' : 'sheet__title' }, title), close, ...inside)
  close.addEventListener('click', () => dialog.close())
  let beside = false // a finger that is still down from before presses nothing
  dialog.addEventListener('pointerdown', event => { beside = event.target === dialog && isBeside(dialog, event) })
  dialog.addEventListener('click', () => beside && dialog.close())
  dialog.addEventListener('close', () => { dialog.remove(); onClose?.() })
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** @param {HTMLElement} dialog @param {PointerEvent} event */
function isBeside(dialog, { clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect()
  return clientX < left || clientX > right || clientY < top || clientY > bottom
}
