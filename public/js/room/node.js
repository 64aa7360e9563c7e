// @ts-check

/**
 * An element with its attributes and what is in it; text is text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] null and false: none
 * @param {...(Node | string | null | undefined | false)} inside
 * @returns {HTMLElementTagNameMap[T]}
 */
export function node(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...inside.filter(one => one !== null && one !== undefined && one !== false).map(one => /** @type {Node | string} */ (one)))
  return made
}

/** The one icon of that name, hidden from screen readers. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  use.setAttribute('href', `#i-${name}`)
  svg.append(use)
  return svg
}

/**
 * The element that must be there.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {E}
 */
export function find(selector, within = document) {
  const found = within.querySelector(selector)
  if (!found) throw new Error(`no ${selector} in the page`)
  return /** @type {E} */ (/** @type {unknown} */ (found))
}
