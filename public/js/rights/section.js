// @ts-check
import { node } from '../room/node.js'

let made = 0

/** A part of the panel under its heading. @param {string} title @param {...Node} inside */
export function section(title, ...inside) {
  const head = node('h3', { class: 'panel__head', id: `panel-${++made}` }, title)
  return node('section', { class: 'panel__part', 'aria-labelledby': head.id }, head, ...inside)
}
