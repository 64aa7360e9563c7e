// @ts-check

const HUES = 24 // each has its rule in hues.css; the server chooses by the same sum

/** Gives a node the colour of a user: the same on every screen, under every name. @param {HTMLElement} node @param {string} id */
export function tint(node, id) {
  let sum = 0
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0
  node.classList.add(`hue-${sum % HUES}`)
}
