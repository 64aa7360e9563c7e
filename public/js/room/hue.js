// @ts-check

/** Gives a node the colour of a name: the same on every screen. @param {HTMLElement} node @param {string} name */
export function tint(node, name) {
  let hash = 0
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0
  const hue = hash % 360
  node.style.setProperty('--name', `light-dark(oklch(44% .115 ${hue}), oklch(80% .1 ${hue}))`)
}
