// @ts-check
import en from './words/en.js'

/** @typedef {typeof en} Words */

/** @type {Words} */
let words = en

/** Chooses the language that the reader's browser asks for first. */
export async function learn(asked = navigator.language) {
  if (asked.startsWith('zh')) words = (await import('./words/zh.js')).default
  document.documentElement.lang = words === en ? 'en' : 'zh'
}

/** Reports whether the page speaks as the server does. */
export function isEnglish() {
  return words === en
}

/** Where the reader's days and hours are said as the page's words are: a page of two languages is read wrongly aloud. */
export function locale() {
  const { lang } = document.documentElement
  return navigator.languages.find(one => one.startsWith(lang)) ?? lang
}

/**
 * A word of the page, in the reader's language.
 * @template {keyof Words} K
 * @param {K} word
 * @param {Words[K] extends (values: infer V) => string ? V : undefined} [values]
 * @returns {string}
 */
export function say(word, values) {
  const said = /** @type {any} */ (words[word])
  return typeof said === 'function' ? said(values) : said
}

const ATTRIBUTES = ['aria-label', 'placeholder', 'title']

/**
 * A copy of a template, with its words said.
 * @param {string} id
 * @returns {DocumentFragment}
 */
export function stamp(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id))
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true))
  for (const node of copy.querySelectorAll('[data-say]')) node.textContent = said(node, 'data-say')
  for (const name of ATTRIBUTES) {
    for (const node of copy.querySelectorAll(`[data-say-${name}]`)) node.setAttribute(name, said(node, `data-say-${name}`))
  }
  return copy
}

/** @param {Element} node @param {string} attribute */
function said(node, attribute) {
  return say(/** @type {keyof Words} */ (node.getAttribute(attribute)))
}
